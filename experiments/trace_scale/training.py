"""Training and recording with one process and with two, in turn.

    python -m experiments.trace_scale.training

Processes have a thread each. A training is measured from the end of its first epoch to the end of its last, a
recording from its first file to its trace: what starting a command takes does not count.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from dyninf.processor import processor_name

HERE = Path(__file__).resolve().parent
CLASSES = 12
CLIPS = {"train": 40, "calibration": 5, "test": 80}  # of each class
EPOCHS = 4
BATCH = 16  # clips in all processes together
ROUNDS = 2
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
POLL = 0.005
LIMIT_SECONDS = 600


def main() -> None:
    """Measure, write training.json, print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--epochs", type=int, default=EPOCHS)
    parser.add_argument(
        "--clips", type=int, nargs=3, default=list(CLIPS.values()), help="train calibration test"
    )
    parser.add_argument("--result", type=Path, default=HERE / "training.json")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder), given.rounds, given.epochs, given.clips)
    given.result.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def measured(folder: Path, rounds: int, epochs: int, clips: Sequence[int]) -> dict[str, object]:
    """Videos a second, medians of the rounds, by the number of processes."""
    names = ("train", "calibration", "test")
    data = [
        f"paths.data_dir={folder}/data",
        *(f"dataset.{split}_clips={number}" for split, number in zip(names, clips, strict=True)),
        "dataset.num_workers=0",
    ]
    found: dict[str, dict[int, list[float]]] = {"training": {1: [], 2: []}, "recording": {1: [], 2: []}}
    checkpoint = folder / "moved.ckpt"
    for turn in range(rounds):
        for processes in (1, 2) if turn % 2 == 0 else (2, 1):
            run = folder / f"train-{turn}-{processes}"
            seconds = train(run, data, processes, epochs)
            found["training"][processes].append((epochs - 1) * CLASSES * (clips[0] + clips[1]) / seconds)
            if not checkpoint.exists():
                (run / "checkpoints/best.ckpt").rename(checkpoint)
            seconds = record(folder / f"record-{turn}-{processes}", data, checkpoint, processes)
            found["recording"][processes].append(CLASSES * clips[2] / seconds)
    medians = {
        name: {str(count): round(statistics.median(rates), 2) for count, rates in each.items()}
        for name, each in found.items()
    }
    return {"processor": processor_name(), "cores": os.cpu_count(), "rounds": rounds, **medians}


def train(run: Path, data: Sequence[str], processes: int, epochs: int) -> float:
    """Seconds from the end of the first epoch to the end of the last; validation is part of each."""
    together = ["trainer=ddp_cpu", "trainer.devices=2"] if processes == 2 else ["trainer.accelerator=cpu"]
    command = [
        *(sys.executable, "-m", "dyninf.train", *together, *data),
        *(f"dataset.batch_size={BATCH // processes}", f"trainer.max_epochs={epochs}", "policy.threshold=0.5"),
        *("trainer.enable_progress_bar=false", "callbacks=quiet", "report=false", f"output={run}"),
    ]

    def rows() -> int:
        table = run / "metrics.csv"
        return len(table.read_text().splitlines()) - 1 if table.is_file() else 0

    return time_between(command, run, lambda: rows() >= 1, lambda: rows() >= epochs)


def record(run: Path, data: Sequence[str], checkpoint: Path, processes: int) -> float:
    """Seconds from the first file of a recording to its trace."""
    command = [
        *(sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", str(processes)),
        *("-m", "dyninf.evaluate", f"checkpoint={checkpoint}", *data, "device=cpu", "policy.threshold=0.5"),
        *(f"dataset.batch_size={BATCH}", "trace_shard=48", "report=false", f"output={run}"),
    ]
    trace = run / "trace"
    return time_between(
        command,
        run,
        lambda: any(trace.glob(".test.recording-*")),
        lambda: (trace / "test/trace.json").is_file(),
    )


def time_between(
    command: Sequence[str], run: Path, begins: Callable[[], bool], ends: Callable[[], bool]
) -> float:
    """Run a command; the seconds between two moments that are seen in its folder."""
    log = run.with_suffix(".log")
    with log.open("w") as output:
        process = subprocess.Popen(command, env=os.environ | ENVIRONMENT, stdout=output, stderr=output)
    begun = ended = None
    deadline = time.monotonic() + LIMIT_SECONDS
    while process.poll() is None:
        now = time.monotonic()
        if begun is None and begins():
            begun = now
        if begun is not None and ended is None and ends():
            ended = now
        if now > deadline:
            process.kill()
        time.sleep(POLL)
    if process.returncode or begun is None or ended is None:
        raise RuntimeError(f"{' '.join(command)} failed:\n{log.read_text()[-2000:]}")
    return ended - begun


if __name__ == "__main__":
    main()
