"""Finished runs as rows of a table: what was set, what came out, and which runs no other one beats."""

import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from dyninf.checksum import unsealed_text
from dyninf.json_file import brief, read_json
from dyninf.report.summary import shown_threshold

FACTS = ("run", "backbone", "scheme", "dataset", "seed", "policy", "threshold", "promise")
FIGURES = ("top1_full", "top1_dynamic", "gmacs_full", "gmacs_dynamic", "share_of_full")

# Where a run lies, what it writes and what it runs on change no figure; the rest has columns of its own.
_SAY_NOTHING = ("output", "paths", "logger", "callbacks", "device", "split", "trainer.default_root_dir")
_IN_FACTS = (
    "seed max_drop budget solver policy.threshold policy.in_a_row policy.shares backbone.name scheme.name"
    " backbone._target_ scheme._target_ policy._target_ dataset._target_ module._target_"
).split()
# What tells the choice of a group, on which its other settings depend.
_CHOICE = {"backbone": "name", "scheme": "name", "policy": "_target_", "dataset": "_target_"}


@dataclass(frozen=True)
class Run:
    """A finished run: its path below the folder that is collected, its config, its summary.

    folder: where it lies. command: what repeats it, empty where that is not known.
    """

    name: str
    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    folder: Path = Path()
    command: str = ""

    def facts(self) -> dict[str, Any]:
        """The columns `FACTS`, and ``sees_labels``."""
        config, summary = self.config, self.summary
        policy = config["policy"]
        given = any(policy.get(key) is not None for key in ("threshold", "in_a_row", "shares"))
        return {
            "run": self.name,
            "backbone": config["backbone"].get("name") or summary["network"].rsplit("-", 2)[0],
            "scheme": config["scheme"]["name"],
            "dataset": summary["split"],
            "seed": config["seed"],
            "policy": summary["policy"],
            "threshold": shown_threshold(summary["threshold"]),
            "promise": "none: given" if given else _promise(config),
            "sees_labels": summary["sees_labels"],
        }

    def figures(self) -> dict[str, float]:
        """The columns `FIGURES`: accuracies and shares in [0, 1], GMACs a video."""
        full, dynamic = self.summary["full"], self.summary["dynamic"]
        return {
            "top1_full": float(full["top1"]),
            "top1_dynamic": float(dynamic["top1"]),
            "gmacs_full": float(full["gmacs"]),
            "gmacs_dynamic": float(dynamic["gmacs"]),
            "share_of_full": dynamic["gmacs"] / full["gmacs"],
        }


def read_runs(root: Path) -> tuple[list[Run], dict[str, str]]:
    """The finished runs below `root`, and for the others the reason why they are none.

    Raises FileNotFoundError if there is no such folder, ValueError if there is no run in it.
    """
    if not root.is_dir():
        raise FileNotFoundError(f"no folder {root}; runs=DIR is one with runs of train or evaluate below it")
    runs: list[Run] = []
    broken: dict[str, str] = {}
    for folder in _run_folders(root):
        name = folder.relative_to(root).as_posix()
        try:
            runs.append(read_run(folder, name))
        except (ValueError, OSError, yaml.YAMLError) as error:
            broken[name] = brief(error)
    if not runs and not broken:
        raise ValueError(f"no run below {root}: the folder of a run has config.yaml and summary.json")
    return runs, broken


def run_rows(runs: Sequence[Run]) -> tuple[list[dict[str, Any]], list[str]]:
    """A row a run, and the settings that have columns of their own since they differ between the runs."""
    settings = differing_settings([run.config for run in runs])
    rows = [
        run.facts() | {key: values[i] for key, values in settings.items()} | run.figures()
        for i, run in enumerate(runs)
    ]
    for row in rows:
        row["pareto"] = not row["sees_labels"] and not any(
            _beats(other, row) for other in rows if not other["sees_labels"]
        )
    return rows, [*settings]


def differing_settings(configs: Sequence[Mapping[str, Any]]) -> dict[str, list[Any]]:
    """Dotted names of settings → their values in each config, where these are not all the same.

    Settings of a backbone, scheme, policy or data set count where they differ under the same choice of it:
    that two backbones are made differently is no news. Copies of a setting, such as the optimizer's in the
    module, do not count. A setting that a config lacks is null, as in one that is older than the setting.
    """
    flat = [flat_config(config) for config in configs]
    found: dict[str, list[Any]] = {}
    for key in dict.fromkeys(key for one in flat for key in one):
        group = key.partition(".")[0]
        if {group, key} & {*_SAY_NOTHING} or key in _IN_FACTS:
            continue
        values = [one.get(key) for one in flat]
        choices = [one.get(f"{group}.{_CHOICE[group]}") if group in _CHOICE else None for one in flat]
        pairs = {
            (json.dumps(choice), json.dumps(value, default=str))
            for choice, value in zip(choices, values, strict=True)
        }
        if len(pairs) > len(set(map(json.dumps, choices))):
            found[key] = values
    return {
        key: values
        for key, values in found.items()
        if not any(key.endswith(f".{other}") and values == found[other] for other in found)
    }


def _run_folders(root: Path) -> Iterator[Path]:
    for folder, below, files in os.walk(root):
        kept = (name for name in below if name != "wandb" and not name.startswith("."))
        below[:] = sorted(kept, key=_by_number)
        if {"config.yaml", "summary.json"} & set(files):
            yield Path(folder)


def _by_number(name: str) -> list[tuple[int, str]]:
    """A sort key in which job 2 comes before job 10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def read_run(folder: Path, name: str) -> Run:
    """The run in a folder, by that name; ValueError that says why if it is none."""
    for file, means in (
        ("config.yaml", "it is not of train or evaluate, or of an older version"),
        ("summary.json", "it failed, or has not finished"),
    ):
        if not (folder / file).is_file():
            raise ValueError(f"no {file}: {means}")
    try:
        text = unsealed_text((folder / "config.yaml").read_text(encoding="utf-8"))
        first, config = text.partition("\n")[0], yaml.load(text, _PlainLoader)
        summary = read_json(folder / "summary.json")
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise ValueError(f"config.yaml or summary.json is damaged: {brief(error)}") from error
    command = first.removeprefix("# ") if first.startswith("# python -m dyninf.") else ""
    try:
        run = Run(name, config, summary, folder, command)
        run.facts()
        if odd := [name for name, value in run.figures().items() if not math.isfinite(value)]:
            raise ValueError(f"{odd[0]} is not finite")
    except KeyError as error:
        raise ValueError(f"config.yaml or summary.json lacks {error}") from error
    except (ValueError, TypeError, AttributeError, ArithmeticError) as error:
        raise ValueError(f"config.yaml and summary.json are not those of a run: {brief(error)}") from error
    return run


class _PlainLoader(yaml.SafeLoader):
    """Text, numbers, lists and names alone, each written out: what is held twice could double without end."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError(f"line {self.peek_event().start_mark.line + 1} refers to another value")
        return super().compose_node(parent, index)


def _promise(config: Mapping[str, Any]) -> str:
    if config.get("policy_file") is not None:
        return "of a policy file"
    budget, solver = config.get("budget"), config.get("solver", "single")
    kept = f"max_drop {config.get('max_drop', 0.0)}" if budget is None else f"budget {budget}"
    return kept if solver == "single" else f"{kept}, {solver}"


def _beats(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Whether a row is nowhere worse than another of the same data, and somewhere better."""
    mine, theirs = ((row["top1_dynamic"], -row["gmacs_dynamic"]) for row in (one, other))
    return (
        one["dataset"] == other["dataset"]
        and mine != theirs
        and all(m >= t for m, t in zip(mine, theirs, strict=True))
    )


def flat_config(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted names → values; of a checkpoint's path its last part: its run is known by its config."""
    found: dict[str, Any] = {}
    for key, value in config.items():
        name = f"{prefix}{key}"
        if isinstance(value, Mapping):
            found |= flat_config(value, f"{name}.")
        else:
            found[name] = Path(value).name if name == "checkpoint" and value else value
    return found
