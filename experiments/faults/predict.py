"""Kills ``python -m dyninf.predict`` at drawn moments and starts it again until it is done.

    python experiments/faults/predict.py

The videos are small and encoded for real; some are damaged, cut or no videos at all. Outputs take turns: JSON
Lines, CSV, windows, batches with two decoders, annotated copies, a folder of shards. Rows are held against
those of a run that nobody killed, but for milliseconds and for frames, of which one more group may have been
read.
"""

import csv
import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import av
import numpy as np
from pyarrow import parquet

sys.path.insert(0, str(Path(__file__).resolve().parent))
from killing import Moment, drawn, run_with_kills, tail, when
from studies import Row, Trial, study

from dyninf.data.drawn_files import encode
from dyninf.report.prediction_shards import PLAN, SUMS

VIDEOS, BAD = 24, 6
OUTPUTS: dict[str, Sequence[str]] = {
    "jsonl": ("output=out.jsonl",),
    "csv": ("output=out.csv",),
    "windows": ("output=out.jsonl", "window=1", "overlap=0.5"),
    "batches": ("output=out.jsonl", "batch=4", "decoders=2"),
    "annotated": ("output=out.jsonl", "annotate=seen"),
    "shards": ("output=out", "shard=4"),
}
ROUNDING = 1e-6
"""Of a probability: its last digits depend on which clips share a batch, which a kill changes."""
TIMED = ("ms", "frames_decoded")
PARTS = "out/part-*.parquet"
WITH_ERRORS = 1
"""The code of a run that is done, in which some videos could not be read."""


def begin(folder: Path) -> Callable[[Trial], Row]:
    """Make videos, a checkpoint and what an undisturbed run of each output gives."""
    make_videos(folder / "videos")
    checkpoint = trained(folder / "run")
    undisturbed, seconds, sizes = {}, {}, {}
    for name, settings in OUTPUTS.items():
        own = folder / f"undisturbed-{name}"
        own.mkdir()
        start = time.monotonic()
        done = subprocess.run(
            command(checkpoint, folder, settings), cwd=own, capture_output=True, text=True, check=False
        )
        if done.returncode != WITH_ERRORS:
            raise RuntimeError(f"predict ended with {done.returncode}: {done.stderr}")
        seconds[name], sizes[name] = time.monotonic() - start, written_in(own)
        undisturbed[name] = found_in(own)

    def trial(trial: Trial) -> Row:
        name = list(OUTPUTS)[trial.number % len(OUTPUTS)]
        words, log = command(checkpoint, folder, OUTPUTS[name]), trial.folder / "log.txt"
        stood: list[int] = []
        moments = [noted(moment, trial.folder, stood) for moment in draw(trial, seconds[name], sizes[name])]
        try:
            run_with_kills(words, moments, log, trial.folder)
        except subprocess.CalledProcessError as error:
            if error.returncode != WITH_ERRORS:
                print("\n".join(tail(log)), file=sys.stderr)
                raise
        found = found_in(trial.folder)
        return {
            "output": name,
            "kills": len(stood),
            "bytes_at_kills": " ".join(map(str, stood)),
            "rows": len(found["rows"]),
            "copies": len(found["copies"]),
            "left_behind": left_behind(trial.folder),
            "readers_left": readers_of(trial.folder),
            "difference": f"{difference(found, undisturbed[name]):.1e}",
            "identical": difference(found, undisturbed[name]) <= ROUNDING,
        }

    return trial


def draw(trial: Trial, seconds: float, size: int) -> list[Moment]:
    """One or two moments: the first where so many bytes of rows are there, the second at any time."""
    generator = trial.generator
    least = generator.uniform(0, size)
    first = when(lambda: written_in(trial.folder) > least)
    return [first, *drawn(generator, generator.randint(0, 1), seconds)]


def noted(moment: Moment, folder: Path, stood: list[int]) -> Moment:
    """The same, and how many bytes of rows were there when it came."""

    def reached(lived: float) -> bool:
        if is_there := moment(lived):
            stood.append(written_in(folder))
        return is_there

    return reached


def written_in(folder: Path) -> int:
    """Bytes of rows."""
    files = [*folder.glob("out.*"), *folder.glob(PARTS)]
    return sum(file.stat().st_size for file in files if file.suffix != ".json")


def command(checkpoint: Path, folder: Path, settings: Sequence[str]) -> list[str]:
    words = [f"checkpoint={checkpoint}", f"source={folder / 'videos'}", "runtime=eager", "device=cpu"]
    return [sys.executable, "-m", "dyninf.predict", *words, "policy.threshold=0.09", *settings]


def make_videos(folder: Path) -> None:
    """Moving grey noise; every fourth file is damaged in its own way."""
    folder.mkdir(parents=True)
    for number in range(VIDEOS):
        noise = np.random.default_rng(number).integers(0, 255, (24 + number, 9, 10, 3)).astype(np.uint8)
        encode(noise.repeat(8, 1).repeat(8, 2), folder / f"{number:02d}.mp4")
    whole = (folder / "00.mp4").read_bytes()
    bad = [b"", b"no film\n" * 99, whole[: len(whole) // 2], whole[:40], os.urandom(5000), whole[::-1]]
    for number, content in enumerate(bad[:BAD]):
        (folder / f"{4 * number:02d}-bad.mp4").write_bytes(content)


def trained(folder: Path) -> Path:
    """A checkpoint of a network that has seen a batch."""
    words = ["dataset.train_clips=2", "dataset.calibration_clips=1", "dataset.test_clips=1"]
    words += ["dataset.num_workers=0", "dataset.num_frames=4", "trainer.max_epochs=1", "callbacks=quiet"]
    words += [f"paths.data_dir={folder / 'data'}", f"output={folder / 'out'}", "report=false"]
    subprocess.run([sys.executable, "-m", "dyninf.train", *words], check=True, capture_output=True)
    return folder / "out/checkpoints/best.ckpt"


def found_in(folder: Path) -> dict[str, Any]:
    """Rows without what is timed, and the frames of copies."""
    rows: list[dict[str, Any]] = []
    for file in folder.glob("out.*"):
        if file.suffix == ".csv":
            rows = list(csv.DictReader(file.open(newline="")))
        elif file.suffix == ".jsonl":
            rows = [json.loads(line) for line in file.read_text().splitlines()]
    for file in sorted(folder.glob(PARTS)):
        rows += parquet.read_table(file).to_pylist()
    for row in rows:
        for key in TIMED:
            del row[key]
    return {"rows": rows, "copies": {path.name: _pixels(path) for path in sorted(folder.glob("seen/*.mp4"))}}


def difference(found: dict[str, Any], undisturbed: dict[str, Any]) -> float:
    """The largest between two probabilities; infinite where anything else differs, the order of rows too."""
    if found["copies"] != undisturbed["copies"] or len(found["rows"]) != len(undisturbed["rows"]):
        return math.inf
    largest = 0.0
    for rows in zip(found["rows"], undisturbed["rows"], strict=True):
        (rest, numbers), (other_rest, other_numbers) = (parted(row) for row in rows)
        if rest != other_rest:
            return math.inf
        largest = max([largest, *(abs(a - b) for a, b in zip(numbers, other_numbers, strict=True))])
    return largest


def parted(row: dict[str, Any]) -> tuple[dict[str, Any], list[float]]:
    """A row without probabilities, and these."""
    top5 = json.loads(row["top5"]) if isinstance(row["top5"], str) else row["top5"]
    rest = {key: value for key, value in row.items() if key not in ("probability", "top5")}
    pairs = [tuple(likely.values()) if isinstance(likely, dict) else likely for likely in top5]
    numbers = [float(row["probability"] or 0), *(number for _, number in pairs)]
    return rest | {"names": [name for name, _ in pairs]}, numbers


def _pixels(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(int(frame.to_ndarray().sum()) for frame in container.decode(video=0))


def left_behind(folder: Path) -> int:
    """Files and folders that are neither output nor log."""
    expected = {
        "out.jsonl",
        "out.csv",
        "out.jsonl.facts.json",
        "out.csv.facts.json",
        "out",
        "seen",
        "log.txt",
    }
    of_shards = {PLAN, SUMS, *(path.name for path in folder.glob(PARTS))}
    others = [path for path in folder.iterdir() if path.name not in expected]
    others += [path for path in folder.glob("out/*") if path.name not in of_shards]
    return len(others) + sum(path.suffix != ".mp4" for path in folder.glob("seen/*"))


def readers_of(folder: Path) -> int:
    """Processes that read videos and whose command, which ran in this folder, is gone."""
    found = 0
    for process in Path("/proc").glob("[0-9]*"):
        try:
            found += (
                b"dyninf.data.decoder_process" in (process / "cmdline").read_bytes()
                and (process / "cwd").resolve() == folder.resolve()
            )
        except OSError:  # it ended
            continue
    return found


if __name__ == "__main__":
    study("predict", __doc__.splitlines()[0], begin)
