"""Trainings that are killed with SIGKILL at drawn moments, and what they leave beside one that never was.

    python -m experiments.faults.train [--trials N] [--seed N]

A trial is killed up to three times: anywhere in the time that a training takes, or just after a drawn saving
of ``last.ckpt``, of which there is one a step, or while its network is assessed.
"""

import random
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from experiments.faults.killing import Moment, after, run_with_kills, when
from experiments.faults.studies import Row, Trial, study
from torch import Tensor

from dyninf.json_file import read_json
from dyninf.tensor_file import load_tensors

SETTINGS = (
    "scheme=joint",
    "backbone.dropout=0.1",
    *("dataset.train_clips=4", "dataset.calibration_clips=2", "dataset.test_clips=1", "dataset.num_frames=4"),
    *("dataset.batch_size=8", "dataset.num_workers=1", "dataset.train_crop=multi_scale"),
    *("trainer.max_epochs=3", "trainer.accelerator=cpu", "trainer.enable_progress_bar=false"),
    *("callbacks=quiet", "callbacks.last.every_steps=1", "report=false", "resume=true"),
)
"""48 training clips in 6 steps an epoch, 18 steps in all; each step is saved."""

STEPS = 18
KILLS = 3
PARTS = ("weights", "optimizer", "position", "metrics", "logs", "traces", "summary")
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}

Left = dict[str, dict[str, object]]
"""What a run left, by its part: values by their names."""


def begin(folder: Path, settings: Sequence[str] = SETTINGS) -> Callable[[Trial], Row]:
    """Train once without a kill; a trial is the same training, killed."""
    command = [sys.executable, "-m", "dyninf.train", *settings, f"paths.data_dir={folder.resolve()}/data"]
    run_with_kills([*command, f"output={folder}/made"], [], folder / "log", environment=ENVIRONMENT)
    start = time.monotonic()
    run_with_kills([*command, f"output={folder}/whole"], [], folder / "log", environment=ENVIRONMENT)
    seconds, whole = time.monotonic() - start, left_by(folder / "whole")

    def trial(own: Trial) -> Row:
        run = own.folder / "run"
        count = own.generator.randint(1, KILLS)
        drawn = [draw(own.generator, run, seconds) for _ in range(count)]
        stood: list[str] = []
        moments = [noted(moment, run, stood) for moment in drawn]
        lives = run_with_kills(
            [*command, f"output={run}"], moments, own.folder / "log", environment=ENVIRONMENT
        )
        differing = compare(left_by(run), whole)
        killed = [life for life in lives if life.killed]
        return {
            "kills": len(killed),
            "seconds": " ".join(f"{life.seconds:.1f}" for life in killed),
            "stood_at": "; ".join(stood[: len(killed)]),
            **{part: "differs" if part in differing else "same" for part in PARTS},
            "identical": not differing,
        }

    return trial


def draw(generator: random.Random, run: Path, seconds: float) -> Moment:
    """At any time; shortly after a saving; or shortly after the training."""
    kind = generator.choice(("time", "saving", "assessing"))
    if kind == "time":
        return after(generator.uniform(0, seconds))
    delay = generator.uniform(0, 0.3)
    if kind == "assessing":
        return delayed(when((run / "trace").exists), delay * 10)
    return delayed(after_savings(run / "checkpoints" / "last.ckpt", generator.randint(1, STEPS)), delay)


def after_savings(file: Path, savings: int) -> Moment:
    """When the file has been written so many times in this life."""
    seen: set[int] = set()
    before = []

    def reached(lived: float) -> bool:
        if not before:
            before.append(_version(file))
        seen.add(_version(file))
        return len(seen - {before[0], 0}) >= savings

    return reached


def delayed(moment: Moment, seconds: float) -> Moment:
    """So long after another moment."""
    since: list[float] = []

    def reached(lived: float) -> bool:
        if not since and moment(lived):
            since.append(lived)
        return bool(since) and lived - since[0] >= seconds

    return reached


def noted(moment: Moment, run: Path, stood: list[str]) -> Moment:
    """The same moment, with where the run stood then added to a list."""

    def reached(lived: float) -> bool:
        if not moment(lived):
            return False
        stood.append(_stands(run))
        return True

    return reached


def left_by(run: Path) -> Left:
    """Everything of a finished run that has to be the same."""
    left: Left = {part: {} for part in PARTS}
    for name in ("last", "best"):
        content = load_tensors(run / "checkpoints" / f"{name}.ckpt")
        left["weights"] |= _flat(content["state_dict"], name)
        left["optimizer"] |= _flat([content["optimizer_states"], content["lr_schedulers"]], name)
        left["position"] |= _flat(
            [content[key] for key in ("epoch", "global_step", "loops", "epoch_sums")], name
        )
    left["metrics"] = _texts(run, "metrics.csv")
    left["logs"] = _texts(run, "logs/version_0/metrics.csv")
    left["traces"] = {str(f.relative_to(run)): f.read_bytes() for f in run.glob("trace/*/*") if f.is_file()}
    left["summary"] = _texts(run, "summary.json", "curve.csv", "anytime.csv", "classes.csv")
    policy = read_json(run / "policy.json")
    left["summary"] |= {key: value for key, value in policy.items() if key != "created"}  # a date
    return left


def compare(one: Left, other: Left) -> dict[str, list[str]]:
    """The names of what differs, by part; nothing for the parts that are the same."""
    differing = {
        part: sorted(
            name
            for name in one[part].keys() | other[part].keys()
            if one[part].get(name) != other[part].get(name)
        )
        for part in PARTS
    }
    return {part: names for part, names in differing.items() if names}


def _texts(run: Path, *names: str) -> dict[str, object]:
    return {name: (run / name).read_text() for name in names}


def _flat(value: object, place: str) -> dict[str, object]:
    if isinstance(value, Mapping):
        return {k: v for key, inner in value.items() for k, v in _flat(inner, f"{place}.{key}").items()}
    if isinstance(value, (list, tuple)):
        return _flat(dict(enumerate(value)), place)
    return {place: value.numpy().tobytes() if isinstance(value, Tensor) else value}


def _stands(run: Path) -> str:
    if (run / "summary.json").is_file():
        return "assessed"
    if (run / "trace").exists():
        return "assessing"
    last = run / "checkpoints" / "last.ckpt"
    return f"step {load_tensors(last)['global_step']}" if last.is_file() else "before the first step"


def _version(file: Path) -> int:
    return file.stat().st_mtime_ns if file.is_file() else 0


if __name__ == "__main__":
    study("train", __doc__.splitlines()[0], begin)
