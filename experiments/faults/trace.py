"""Evaluations that are killed with SIGKILL while they record, and what they leave beside one that never was.

    python -m experiments.faults.trace [--trials N] [--seed N]

A trial is killed up to three times: shortly after a life of it has added a drawn number of shards, or at any
moment of the time that an evaluation takes.
"""

import json
import random
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from experiments.faults.killing import Moment, after, run_with_kills
from experiments.faults.studies import Row, Trial, study

TRAINING = (
    "scheme=joint",
    *("dataset.train_clips=2", "dataset.calibration_clips=20", "dataset.test_clips=10"),
    *("dataset.num_frames=4", "dataset.num_workers=0", "dataset.batch_size=8"),
    *("trainer.max_epochs=1", "trainer.accelerator=cpu", "trainer.enable_progress_bar=false"),
    *("callbacks=quiet", "report=false"),
)
EVALUATING = ("report=false", "device=cpu", "dataset.num_workers=1", "trace_shard=8")
"""240 calibration and 120 test videos: 45 shards of a batch each."""

SHARDS = 45
KILLS = 3
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
TABLES = ("summary.json", "curve.csv", "anytime.csv", "classes.csv", "budgeted.csv")


def begin(
    folder: Path,
    training: Sequence[str] = TRAINING,
    evaluating: Sequence[str] = EVALUATING,
    shards: int = SHARDS,
) -> Callable[[Trial], Row]:
    """Train, and evaluate once without a kill; a trial is the same evaluation, killed."""
    log, python = folder / "log", [sys.executable, "-m"]
    data = f"paths.data_dir={folder.resolve()}/data"
    train = [*python, "dyninf.train", *training, data, f"output={folder}/trained"]
    run_with_kills(train, [], log, environment=ENVIRONMENT)
    moved = folder / "moved.ckpt"  # away from the traces of its run, which would be used
    (folder / "trained/checkpoints/best.ckpt").rename(moved)
    command = [*python, "dyninf.evaluate", f"checkpoint={moved}", *evaluating]
    start = time.monotonic()
    run_with_kills([*command, f"output={folder}/whole"], [], log, environment=ENVIRONMENT)
    seconds, whole = time.monotonic() - start, left_by(folder / "whole")

    def trial(own: Trial) -> Row:
        run = own.folder / "run"
        count = own.generator.randint(1, KILLS)
        there: list[int] = []
        moments = [
            noted(drawn(own.generator, run, seconds, shards), run, there, shards) for _ in range(count)
        ]
        command_here = [*command, f"output={run}"]
        lives = run_with_kills(command_here, moments, own.folder / "log", environment=ENVIRONMENT)
        killed = [life for life in lives if life.killed]
        left = left_by(run)
        differing = sorted(name for name in left.keys() | whole.keys() if left.get(name) != whole.get(name))
        return {
            "kills": len(killed),
            "seconds": " ".join(f"{life.seconds:.1f}" for life in killed),
            "shards_there": " ".join(map(str, there[: len(killed)])),
            "differing": " ".join(differing) or "none",
            "identical": not differing,
        }

    return trial


def drawn(generator: random.Random, run: Path, seconds: float, shards: int) -> Moment:
    """When a life has added so many shards, and a moment later; or at any time."""
    if generator.random() < 0.2:
        return after(generator.uniform(0, seconds))
    more, delay = generator.randint(0, shards // 2), generator.uniform(0, 0.05)
    begun: list[int] = []
    since: list[float] = []

    def reached(lived: float) -> bool:
        if not (run / "trace").exists():
            return False
        there = recorded(run, shards)
        begun.append(there)
        if not since and there > begun[0] and there - begun[0] >= more:
            since.append(lived)
        return bool(since) and lived - since[0] >= delay

    return reached


def noted(moment: Moment, run: Path, there: list[int], shards: int) -> Moment:
    """The same moment; how many shards were there at it is added to a list."""

    def reached(lived: float) -> bool:
        if not moment(lived):
            return False
        there.append(recorded(run, shards))
        return True

    return reached


def recorded(run: Path, shards: int) -> int:
    """Shards that a run has; those of a trace that is made of them count as well."""
    of_calibration, there = 2 * shards // 3, 0
    for split, all_ in (("calibration", of_calibration), ("test", shards - of_calibration)):
        is_whole = (run / "trace" / split / "trace.json").is_file()
        there += all_ if is_whole else len([*run.glob(f"trace/.{split}.recording-*/*.pt")])
    return there


def left_by(run: Path) -> dict[str, bytes]:
    """Everything of a finished evaluation that has to be the same; temporary files would be in it too."""
    traces = {str(path.relative_to(run)): path for path in run.glob("trace/**/*") if path.is_file()}
    files = traces | {name: run / name for name in TABLES}
    policy = json.loads((run / "policy.json").read_text())
    del policy["created"], policy["sha256"]
    return {name: path.read_bytes() for name, path in files.items()} | {
        "policy.json": json.dumps(policy).encode()
    }


if __name__ == "__main__":
    study("trace", __doc__.splitlines()[0], begin)
