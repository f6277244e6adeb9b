"""What commands do when the machine fails them: a full disk, a folder of another user, a clock that jumps.

    python -m experiments.faults.conditions [--only WORD] [--jobs N] [--table FILE] [--folder DIR]

Linux, as root, for it mounts a small tmpfs and takes rights away; with a C compiler, for the clock. Each
command runs under a condition, and then the same command again without it. The table says how the first one
ended, whether every file that it left is whole, and whether the second one came to what an undisturbed one
comes to.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from experiments.faults.studies import Row
from torch import Tensor

from dyninf.checksum import unsealed_text
from dyninf.configuration import CONF
from dyninf.json_file import read_json
from dyninf.tensor_file import load_tensors

HERE = Path(__file__).resolve().parent
NOBODY = 65534
AS_ANYONE = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
"""Before a command: root without the right to write into what others own."""
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
NO_RESULT = ("time", "seconds", "milliseconds", "ms", "created", "output", "command", "version", "sha256")


@dataclass(frozen=True)
class Command:
    """words: after ``python -m``, without the output. begun: a file that is there in the middle."""

    name: str
    words: Sequence[str]
    begun: str

    def line(self, output: Path) -> list[str]:
        place = output / "rows.jsonl" if self.name == "predict" else output
        return [sys.executable, "-m", *self.words, f"output={place}"]


@dataclass
class Condition:
    """What is so while the first run of a command lasts.

    set_up: makes the folder for the output and its condition, and ends the latter when it is left.
    environment: of the run. as_anyone: without root's right to write into what others own.
    meanwhile: done once, when the command is in the middle.
    """

    name: str
    set_up: Callable[[Path, float], AbstractContextManager[None]]
    environment: Mapping[str, str] = field(default_factory=dict)
    as_anyone: bool = False
    meanwhile: Callable[[Path], None] | None = None


@contextmanager
def plain(folder: Path, size: float) -> Iterator[None]:
    folder.mkdir()
    yield


@contextmanager
def small_disk(folder: Path, size: float) -> Iterator[None]:
    """Too small for what the command writes, by half; it has room when the context is left."""
    _mount(folder, f"size={max(int(size / 2), 4096)}")
    yield
    _remount(folder, "size=256m")


@contextmanager
def read_only(folder: Path, size: float) -> Iterator[None]:
    _mount(folder, "size=256m")
    _remount(folder, "ro")
    yield
    _remount(folder, "rw")


@contextmanager
def of_another_user(folder: Path, size: float) -> Iterator[None]:
    folder.mkdir(mode=0o755)
    os.chown(folder, NOBODY, NOBODY)
    yield
    os.chown(folder, 0, 0)


def _mount(folder: Path, options: str) -> None:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)], check=True)


def _remount(folder: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", str(folder)], check=True)


def conditions(folder: Path, name: str) -> list[Condition]:
    ahead, back = (folder / f"clock-{name}-{way}" for way in ("ahead", "back"))
    library = folder / "clock.so"
    if not library.exists():
        subprocess.run(["cc", "-shared", "-fPIC", "-O2", "-o", library, HERE / "clock.c"], check=True)

    def faked(clock: Path) -> dict[str, str]:
        _set(clock, 0)
        return {"LD_PRELOAD": str(library), "CLOCK_MOVED": str(clock)}

    return [
        Condition("disk full", small_disk),
        Condition("read-only file system", read_only),
        Condition("permission denied", of_another_user, as_anyone=True),
        Condition(
            "clock jumps 400 days ahead", plain, faked(ahead), meanwhile=lambda output: _set(ahead, 400)
        ),
        Condition("clock jumps 400 days back", plain, faked(back), meanwhile=lambda output: _set(back, -400)),
        Condition("output folder removed", plain, meanwhile=_remove),
    ]


def _remove(output: Path) -> None:
    """In one step, for the command goes on to write into it."""
    gone = output.with_name("gone")
    os.rename(output, gone)
    shutil.rmtree(gone)


def _set(clock: Path, days: int) -> None:
    new = clock.with_suffix(".new")
    new.write_text(f"{days * 24 * 60 * 60}\n")
    os.replace(new, clock)


def run(
    command: Command, output: Path, log: Path, condition: Condition | None = None, as_anyone: bool = False
) -> tuple[int, str]:
    """Exit code and output of a run."""
    more = {} if condition is None else dict(condition.environment)
    home = log.parent.parent / "home"  # of all, so that caches are made once
    with log.open("w") as file:
        process = subprocess.Popen(
            [*(AS_ANYONE if as_anyone else ()), *command.line(output)],
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


def damaged(output: Path) -> list[str]:
    """Files that are neither whole nor absent, and what was left beside them."""
    found = []
    for path in sorted(path for path in output.rglob("*") if path.is_file()):
        name = path.relative_to(output).as_posix()
        try:
            if "~" in name:
                raise ValueError("left behind")
            if path.suffix == ".json":
                read_json(path)
            elif path.suffix in (".ckpt", ".pt"):
                load_tensors(path)
            elif path.name == "config.yaml":
                unsealed_text(path.read_text())
            elif path.suffix == ".jsonl":
                for line in path.read_text().splitlines(keepends=True)[:-1]:
                    json.loads(line)
            elif path.stat().st_size == 0 and path.suffix != ".log":
                raise ValueError("empty")
        except (ValueError, OSError) as error:
            found.append(f"{name}: {error}")
    return found


def results(output: Path) -> dict[str, Any]:
    """What a command came to, without what differs from run to run, such as times."""
    found: dict[str, Any] = {}
    for path in output.rglob("*"):
        name = path.relative_to(output).as_posix()
        if path.name in ("summary.json", "policy.json"):
            found[name] = _kept(read_json(path))
        elif path.name in ("best.ckpt", "last.ckpt"):
            state = load_tensors(path)["state_dict"]
            found[name] = {key: value.tolist() for key, value in state.items() if isinstance(value, Tensor)}
        elif path.name in ("curve.csv", "metrics.csv"):
            found[name] = path.read_text()
        elif path.suffix == ".jsonl":
            rows = [_kept(json.loads(line)) for line in path.read_text().splitlines()]
            found[name] = sorted(rows, key=lambda row: str(row["path"]))
    return found


def _kept(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _kept(one) for key, one in value.items() if key not in NO_RESULT}
    return [_kept(one) for one in value] if isinstance(value, list) else value


def row_of(command: Command, condition: Condition, folder: Path, whole: dict[str, Any], size: float) -> Row:
    """Run a command under a condition and then without it."""
    folder.mkdir()
    folder.chmod(0o777)
    place = folder / "place"
    output = place / "out"
    with ExitStack() as stack:
        stack.callback(lambda: subprocess.run(["umount", str(place)], check=False, capture_output=True))
        with condition.set_up(place, size):
            code, text = run(command, output, folder / "log", condition, condition.as_anyone)
            wrong = damaged(output)
        last = next((line for line in reversed(text.splitlines()) if line.strip()), "")
        again, text_again = run(command, output, folder / "again", as_anyone=condition.as_anyone)
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
    resume = ["resume=true"] if "\nresume:" in (CONF / "train.yaml").read_text() else []
    train = Command("train", ["dyninf.train", *TRAINING, *resume, *data], "checkpoints/best.ckpt")
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
