"""What commands do when the machine fails them: a full disk, a folder of another user, a clock that jumps.

    python -m experiments.faults.conditions [--only WORD] [--jobs N] [--table FILE] [--folder DIR]

Linux, as root, for it mounts a small tmpfs and takes rights away; with a C compiler, for the clock. Each
command runs under a condition, and then the same command again without it. The table says how the first one
ended, whether every file that it left is whole, and whether the second one came to what an undisturbed one
comes to.
"""

import argparse
import csv
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from experiments.faults.failing_machines import Condition, conditions
from experiments.faults.outcomes import damaged, results
from experiments.faults.studies import Row

HERE = Path(__file__).resolve().parent
LIMIT = 600  # seconds of a command
SETTINGS = (
    *("dataset.train_clips=2", "dataset.calibration_clips=1", "dataset.test_clips=1", "dataset.num_frames=4"),
    "dataset.num_workers=0",
)
TRAINING = (
    *("scheme=joint", *SETTINGS, "trainer.max_epochs=3", "trainer.accelerator=cpu"),
    *("trainer.enable_progress_bar=false", "callbacks=quiet", "report=false"),
)
ENVIRONMENT = {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "COLUMNS": "200"}


@dataclass(frozen=True)
class Command:
    """words: after ``python -m``, without the output. begun: a file that is there in the middle."""

    name: str
    words: Sequence[str]
    begun: str

    def line(self, output: Path) -> list[str]:
        place = output / "rows.jsonl" if self.name == "predict" else output
        return [sys.executable, "-m", *self.words, f"output={place}"]


def run(
    command: Command, output: Path, log: Path, condition: Condition | None = None, prefix: Sequence[str] = ()
) -> tuple[int, str]:
    """Exit code and output of a run."""
    more = {} if condition is None else dict(condition.environment)
    home = log.parent.parent / "home"  # of all, so that caches are made once
    with log.open("w") as file:
        process = subprocess.Popen(
            [*prefix, *command.line(output)],
            env=os.environ | ENVIRONMENT | {"HOME": str(home), "DYNINF_CACHE": str(home)} | more,
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
    try:
        meanwhile = condition.meanwhile if condition is not None else None
        end = time.monotonic() + LIMIT
        while process.poll() is None:
            if meanwhile is not None and (output / command.begun).exists():
                meanwhile(output)
                meanwhile = None
            if time.monotonic() > end:
                raise TimeoutError(f"{command.name} took more than {LIMIT} s; {log} has its output")
            time.sleep(0.005)
    finally:
        process.kill()
        code = process.wait()
    if meanwhile is not None:
        raise RuntimeError(f"{command.name} was never seen in the middle: there was no {command.begun}")
    return code, log.read_text(errors="replace")


def row_of(command: Command, condition: Condition, folder: Path, whole: dict[str, Any], size: float) -> Row:
    """Run a command under a condition and then without it."""
    folder.mkdir()
    folder.chmod(0o777)
    place = folder / "place"
    output = place / "out"
    with ExitStack() as stack:
        stack.callback(lambda: subprocess.run(["umount", str(place)], check=False, capture_output=True))
        with condition.set_up(place, size):
            code, text = run(command, output, folder / "log", condition, condition.prefix)
            wrong = damaged(output)
        last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
        again, _ = run(command, output, folder / "again")
        found = results(output)
        row: Row = {
            "command": command.name,
            "condition": condition.name,
            "code": code,
            "said": last.replace(str(folder), "DIR") if code else "",
            "traceback": "Traceback" in text,
            "damaged": "; ".join(wrong),
            "again": again,
            "identical": again == 0 and found == whole and bool(found),
        }
        print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        return row


def main() -> None:
    """Write ``conditions.csv``, print the table; ends with code 1 where a row is not as it has to be."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default="", help="rows that have this word")
    parser.add_argument("--table", type=Path, default=HERE / "conditions.csv")
    parser.add_argument("--jobs", type=int, default=1, help="rows at a time")
    parser.add_argument("--folder", type=Path, help="keeps what the commands leave")
    given = parser.parse_args()
    with nullcontext(given.folder) if given.folder else tempfile.TemporaryDirectory() as folder:
        rows = trials(Path(folder).resolve(), given.only, given.jobs)
    with given.table.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    sys.exit(not all(row["identical"] and not row["traceback"] and not row["damaged"] for row in rows))


def trials(folder: Path, only: str, jobs: int) -> list[Row]:
    folder.chmod(0o755)
    data = [f"paths.data_dir={folder}/data"]
    train = Command("train", ["dyninf.train", *TRAINING, "resume=true", *data], "checkpoints/best.ckpt")
    (folder / "home").mkdir(exist_ok=True)
    _undisturbed(train, folder / "trained")
    subprocess.run(["chmod", "-R", "a+rwX", str(folder / "home")], check=True)
    checkpoint = folder / "trained/out/checkpoints/best.ckpt"
    videos = next(folder.glob("data/**/test"))
    words = [f"checkpoint={checkpoint}", "dataset.num_workers=0"]
    commands = [
        train,
        Command("evaluate", ["dyninf.evaluate", *words, "report=false"], "config.yaml"),
        Command("predict", ["dyninf.predict", words[0], f"source={videos}", "runtime=eager"], "rows.jsonl"),
    ]
    tasks: list[Callable[[], Row]] = []
    for command in commands:
        place = folder / ("trained" if command is train else command.name)
        if command is not train:
            _undisturbed(command, place)
        whole = results(place / "out")
        size = sum(path.stat().st_size for path in (place / "out").rglob("*") if path.is_file())
        for number, condition in enumerate(conditions(folder, command.name)):
            if only in f"{command.name} {condition.name}":
                own = folder / f"{command.name}{number}"
                tasks.append(partial(row_of, command, condition, own, whole, size))
    with ThreadPoolExecutor(jobs) as pool:
        return list(pool.map(lambda task: task(), tasks))


def _undisturbed(command: Command, folder: Path) -> None:
    if folder.exists():  # in a folder that was kept
        return
    folder.mkdir()
    code, text = run(command, folder / "out", folder / "log")
    if code:
        raise RuntimeError(f"{command.name} fails undisturbed: {text}")


if __name__ == "__main__":
    main()
