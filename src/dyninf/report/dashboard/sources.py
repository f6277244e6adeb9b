"""What a report is made of: finished runs with their traces, or a trace alone.

Legend: K checkpoints, V videos.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from dyninf.data import VideoDataModule
from dyninf.grid import Network
from dyninf.policies import Policy
from dyninf.report.dashboard.traces import Traces
from dyninf.report.runs import Run, read_runs
from dyninf.report.summary import policy_figures, trace_figures
from dyninf.split_name import SplitName
from dyninf.trace import FittedPolicy, Trace, check_calibration

Pictures = Callable[[], tuple[Network, VideoDataModule]]
"""Makes the network of a run and its data set."""


@dataclass(frozen=True)
class Source:
    """One run of a report.

    run: its config and figures; of a trace alone the config is empty.
    trace: reads the trace of the split that is reported; None where it is not there, for `without_trace`.
    calibration: reads the trace on which thresholds may be chosen; None where there is none.
    policy: the run's own, with thresholds where it has an operating point; None for `without_policy`.
    curves: further policies that are replayed on the trace, by name.
    pictures: None where videos cannot be shown, for `without_pictures`.
    """

    run: Run
    trace: Callable[[], Trace] | None = None
    without_trace: str = ""
    calibration: Callable[[], Trace] | None = None
    policy: Policy | None = None
    without_policy: str = ""
    curves: Mapping[str, Policy] = field(default_factory=dict)
    pictures: Pictures | None = None
    without_pictures: str = "this report was made from a trace alone"


def run_sources(
    folders: Iterable[Path],
    curves: Mapping[str, Policy] | None = None,
    pictures_of: Callable[[Run, Path], Pictures] | None = None,
) -> tuple[list[Source], dict[str, str]]:
    """The finished runs below folders, and for the others the reason why they are none.

    pictures_of: of a run and its checkpoint file; where it is left out, no videos are shown.

    Runs of several folders are called by their paths below what the folders have in common.

    Raises FileNotFoundError or ValueError as `read_runs`.
    """
    folders = list(folders)
    above = Path(os.path.commonpath([folder.resolve() for folder in folders])) if folders else Path()
    traces = Traces(folders)
    sources: list[Source] = []
    left_out: dict[str, str] = {}
    seen: set[Path] = set()
    for folder in folders:
        runs, broken = read_runs(folder)
        prefix = folder.resolve().relative_to(above).as_posix() if len(folders) > 1 else ""
        prefix = "" if prefix in ("", ".") else f"{prefix}/"
        for run in runs:
            if run.folder.resolve() in seen:
                continue
            seen.add(run.folder.resolve())
            name = run.folder.resolve().name if run.name == "." else run.name
            try:
                sources.append(run_source(replace(run, name=f"{prefix}{name}"), traces, curves, pictures_of))
            except ValueError as error:
                left_out[f"{prefix}{name}"] = str(error)
        left_out |= {f"{prefix}{name}": reason for name, reason in broken.items()}
    return sources, left_out


def trace_source(
    trace: Trace,
    calibration: Trace | None,
    policies: Mapping[str, Policy],
    own: Policy | None = None,
    grid: Mapping[str, Any] | None = None,
) -> Source:
    """A trace with the policies that are replayed on it.

    own: the policy whose operating point is shown, if it has thresholds. grid: of its network, if known.

    Raises ValueError as `check_calibration`.
    """
    check_calibration(trace, calibration)
    summary = trace_figures(trace) | {"grid": grid}
    if own is not None and own.threshold is not None:
        summary |= policy_figures(own, trace.replay(own))
    run = Run(trace.info.network or "trace", {}, summary)
    held_out = None if calibration is None else lambda: calibration
    return Source(run, lambda: trace, "", held_out, own, curves=policies)


def run_source(
    run: Run,
    traces: Traces,
    curves: Mapping[str, Policy] | None = None,
    pictures_of: Callable[[Run, Path], Pictures] | None = None,
) -> Source:
    """A finished run with what it left; the arguments are those of `run_sources`.

    Raises ValueError if its summary lacks what a report needs.
    """
    _check_summary(run.summary)
    checkpoint = _checkpoint(run)
    homes = list(dict.fromkeys([run.folder, checkpoint.parent.parent]))
    trace, without_trace = traces.of(run, split_of(run), homes)
    calibration, _ = traces.of(run, "calibration", homes)
    own, without_policy = None, ""
    try:
        own = FittedPolicy.load(run.folder / "policy.json").policy
    except (ValueError, OSError) as error:  # none, a damaged one, or one of a class of somebody's own
        without_policy = str(error)
    pictures, without = None, "the run's checkpoint is not there"
    if pictures_of is None:
        without = "pictures were not asked for"
    elif checkpoint.is_file():
        pictures = pictures_of(run, checkpoint)
    return Source(
        run,
        partial(Trace.load, trace) if trace else None,
        without_trace,
        partial(Trace.load, calibration) if calibration and split_of(run) != "calibration" else None,
        own,
        without_policy,
        curves or {},
        pictures,
        "" if pictures else without,
    )


def _check_summary(summary: Mapping[str, Any]) -> None:
    """Raise ValueError unless a summary has what a report needs."""
    try:
        rows = [(str(row["name"]), float(row["top1"]), float(row["gmacs"])) for row in summary["checkpoints"]]
        int(summary["videos"])
        times = summary.get("milliseconds")
        if times is not None and len(times["checkpoints"]) != len(rows):
            raise ValueError(
                f"it has times of {len(times['checkpoints'])} checkpoints, and {len(rows)} of them"
            )
    except KeyError as error:
        raise ValueError(f"summary.json lacks {error}") from error
    except (TypeError, ValueError) as error:
        raise ValueError(f"summary.json is not that of a run: {error}") from error


def _checkpoint(run: Run) -> Path:
    """The file with the run's weights: that which it was given, or the best one of its own training."""
    own = run.folder / "checkpoints" / "best.ckpt"
    given = run.config.get("checkpoint")
    if own.is_file() or not given:
        return own
    return Path(str(given))


def split_of(run: Run) -> str:
    """The split that was reported, such as ``test``."""
    return SplitName.of(str(run.summary["split"])).part or "test"


def facts_of(source: Source) -> dict[str, Any]:
    """What is said of a run: of a trace alone, what its summary knows."""
    if source.run.config:
        return source.run.facts()
    summary = source.run.summary
    backbone, scheme = [*summary["network"].rsplit("-", 2), "", ""][:2]
    return {
        "run": source.run.name,
        "backbone": backbone,
        "scheme": scheme,
        "dataset": summary["split"],
        "policy": summary.get("policy"),
        "sees_labels": summary.get("sees_labels", False),
    }
