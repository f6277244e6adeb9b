"""From where a training goes on, and whether its settings are still those that it began with."""

import json
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, OmegaConf

from dyninf import checkpoint_file
from dyninf.checkpoint_file import CheckpointFile
from dyninf.checksum import unsealed_text
from dyninf.configuration import plain, yes_or_no
from dyninf.json_file import read_json

MAY_DIFFER = (
    # where things lie, and what is written beside the training
    *("output", "paths.*", "resume", "checkpoint", "pretrained", "logger", "logger.*", "report"),
    *("callbacks.checkpoint.dirpath", "callbacks.last*", "callbacks.progress*", "callbacks.costs*"),
    *(
        "callbacks.learning_rate*",
        "trainer.default_root_dir",
        "trainer.enable_*",
        "trainer.log_every_n_steps",
    ),
    # when it ends
    *("trainer.max_epochs", "trainer.max_steps", "trainer.max_time"),
    # on what it runs: `LastCheckpoint` sees to it that a step has as many clips as before
    *("trainer.accelerator", "trainer.devices", "trainer.num_nodes", "trainer.strategy*", "trainer.plugins*"),
    *("dataset.root", "dataset.num_workers", "dataset.batch_size", "trainer.accumulate_grad_batches"),
    # what is done with the network after it
    *("policy", "policy.*", "max_drop", "confidence", "risk", "budget", "solver", "temperature_scaling"),
    *("milliseconds", "trace_*", "dataset.clips_per_video", "dataset.crops_per_clip", "dataset.corruption*"),
)
"""Settings that do not change what is trained."""

UNSAID = {"trainer.sync_batchnorm": False}
"""Settings that need not be given, and what is so without them."""

LAST = Path("checkpoints", "last.ckpt")
"""Of a run's folder."""

RESULTS = ("policy.json", "summary.json", "curve.csv", "curve.png", "reliability.png")
"""What the assessment of a trained network leaves behind, with the others of its files."""


def beginning(config: DictConfig, output: Path) -> CheckpointFile | None:
    """What a training begins from: with ``resume`` its own last checkpoint, else that of `checkpoint`.

    None where there is neither, and it begins anew. Raises ValueError if its own is of other settings, or a
    file is damaged.
    """
    if yes_or_no(config, "resume") and (output / LAST).is_file():
        own = checkpoint_file.read(output / LAST)
        check_same_training(own, config)
        return own
    return checkpoint_file.read(config.checkpoint) if config.checkpoint else None


def check_same_training(file: CheckpointFile, config: DictConfig) -> None:
    """Raise ValueError that names the first setting of the training that is another, is new or is gone."""
    theirs, mine = (UNSAID | _flat(plain(each)) for each in (file.config, config))
    # What a module is made of has names of its own, under which it was given.
    for key in sorted([*mine, *theirs], key=lambda key: key.startswith("module.")):
        one, other = (repr(each[key]) if key in each else "not there" for each in (theirs, mine))
        if one != other and not any(fnmatchcase(key, pattern) for pattern in MAY_DIFFER):
            raise ValueError(
                f"{file.path} goes on with the settings that it began with: {key} is {one} in the file, "
                f"{other} here; give the same, or another output"
            )


def finished(config: DictConfig, output: Path) -> dict[str, Any] | None:
    """With ``resume``: the summary of a run that has nothing left to do with these settings."""
    wanted = [*RESULTS, *(["report.html"] if yes_or_no(config, "report") else [])]
    if not yes_or_no(config, "resume") or not all((output / name).is_file() for name in wanted):
        return None
    if not _is_of(output, config):
        return None
    summary: dict[str, Any] = read_json(output / "summary.json")
    return summary


def begin(config: DictConfig, output: Path) -> None:
    """Write the run's config. What an assessment with other settings said does not outlive that."""
    if not _is_of(output, config):
        (output / "summary.json").unlink(missing_ok=True)
    checkpoint_file.save_config(output, config)


def _is_of(output: Path, config: DictConfig) -> bool:
    """Whether the config that a run left is this one, but for `resume` itself."""
    if not (output / "config.yaml").is_file():
        return False
    left = OmegaConf.create(unsealed_text((output / "config.yaml").read_text(encoding="utf-8")))
    return isinstance(left, DictConfig) and _same(plain(left)) == _same(plain(config))


def _same(values: dict[str, Any]) -> str:
    return json.dumps({key: value for key, value in values.items() if key != "resume"}, sort_keys=True)


def _flat(values: Any, place: str = "") -> dict[str, Any]:
    """Every setting under its whole name; lists are one setting."""
    if not isinstance(values, dict) or (place and not values):
        return {place: values}
    flat: dict[str, Any] = {}
    for key, value in values.items():
        flat |= _flat(value, f"{place}.{key}" if place else str(key))
    return flat
