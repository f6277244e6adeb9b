"""How many clips a second the real data loader gives, by its workers, and whether its memory stays flat.

    python -m experiments.decoding.loader [--part PART] [--clips N] [--rounds N] [--long N] [--workers N]

Legend: T frames of a clip, H, W.
"""

import argparse
import json
import os
import platform
import tempfile
import time
import warnings
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from shutil import copyfile
from typing import Any

import av
import numpy as np
import torch
from experiments.decoding.run import quartiles, write

from dyninf.data import Clip, Video, VideoDataModule
from dyninf.data.drawn_files import encode

HERE = Path(__file__).resolve().parent
WORKERS = (0, 1, 2, 4)
FILES, GOP = 8, 12
SIZES = {"num_frames": 16, "batch_size": 8, "resize": 256, "crop": 224}
SMALL_FILES, SMALL = 50, {"num_frames": 8, "batch_size": 8, "resize": 64, "crop": 56}
SAMPLES = 100  # looks at the memory over the long run


class Repeated(VideoDataModule):
    """The videos of a folder, listed again and again up to a number of clips. Args: the base's, and clips."""

    name = "repeated"
    class_names = ("any",)
    splits = ("train", "test")

    def __init__(self, root: Path, clips: int, **settings: Any) -> None:
        super().__init__(root, **settings)
        self.clips = clips

    @cached_property
    def _files(self) -> list[Path]:
        return sorted(self.root.glob("*.mp4"))

    def videos(self, split: str) -> list[Video]:
        self.check_split(split)
        files = self._files
        return [Video(files[number % len(files)], 0, str(number)) for number in range(self.clips)]


def main() -> None:
    """Measure, write loader.json and loader.md, print the tables; a part left out keeps its results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--part", choices=("all", "throughput", "memory"), default="all")
    parser.add_argument("--clips", type=int, default=160, help="of a round, for the throughput")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--long", type=int, default=40_000, help="clips of the run whose memory is watched")
    parser.add_argument("--workers", type=int, default=2, help="of that run")
    parser.add_argument("--out", type=Path, default=HERE)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", message=".*worker processes in total.*")  # more than cores, on purpose
    arguments.out.mkdir(parents=True, exist_ok=True)
    file = arguments.out / "loader.json"
    results = json.loads(file.read_text()) if file.is_file() and arguments.part != "all" else {}
    results["machine"] = (
        f"{platform.machine()}, {os.cpu_count()} cores, av {av.__version__}, torch {torch.__version__}"
    )
    with tempfile.TemporaryDirectory() as folder:
        if arguments.part != "throughput":
            results["memory"] = memory_of(Path(folder), arguments.long, arguments.workers)
    with tempfile.TemporaryDirectory() as folder:
        if arguments.part != "memory":
            rates = clips_a_second(Path(folder), arguments.clips, arguments.rounds)
            results["clips_a_second"] = {
                "clips": arguments.clips,
                "rounds": arguments.rounds,
                "by_workers": rates,
            }
    file.write_text(json.dumps(results, indent=2) + "\n")
    text = tables(results)
    (arguments.out / "loader.md").write_text(text)
    print(f"{results['machine']}\n{text}", end="")


def clips_a_second(folder: Path, clips: int, rounds: int) -> dict[str, list[float]]:
    """Quartiles by number of workers, which take turns; starting them is not counted.

    A round is an epoch of training: 16 frames at random of 300, crops of 224².
    """
    first = write(folder / "0.mp4", GOP)
    for number in range(1, FILES):
        copyfile(first, folder / f"{number}.mp4")
    loaders = {}
    for workers in WORKERS:
        module = Repeated(folder, clips, num_workers=workers, flip=True, **SIZES)
        loaders[workers] = module.train_dataloader()
        exhaust(iter(loaders[workers]))  # workers stay from epoch to epoch
    taken: dict[int, list[float]] = {workers: [] for workers in WORKERS}
    for _ in range(rounds):
        for workers, loader in loaders.items():
            started = time.perf_counter()
            read = exhaust(iter(loader))
            taken[workers].append(read / (time.perf_counter() - started))
    return {str(workers): quartiles(rates) for workers, rates in taken.items()}


def exhaust(batches: Iterator[Clip]) -> int:
    """The clips that came."""
    return sum(len(batch.video_id) for batch in batches)


def memory_of(folder: Path, clips: int, workers: int) -> dict[str, Any]:
    """Resident memory of this process and of the loader's workers over a run of many small clips.

    slope: of a straight line through the second half of the series, in MB for 1,000 clips: caches fill in
    the first half.
    """
    for number in range(SMALL_FILES):
        noise = np.random.default_rng(number)
        encode(noise.integers(0, 255, (32, 64, 84, 3), dtype=np.uint8), folder / f"{number}.mp4")
    loader = Repeated(folder, clips, num_workers=workers, **SMALL).dataloader("test")
    every = max(clips // SAMPLES, 1)
    read, series = 0, []
    for batch in loader:
        read += len(batch.video_id)
        if read >= every * (len(series) + 1):
            series.append((read, *resident_megabytes()))
    at, main_mb, workers_mb = (np.array(values) for values in zip(*series, strict=True))
    half = len(at) // 2
    return {
        "clips": read,
        "workers": workers,
        "main": described(at, main_mb, half),
        "all workers": described(at, workers_mb, half),
    }


def described(at: np.ndarray, megabytes: np.ndarray, half: int) -> dict[str, float]:
    """A series in a few figures."""
    slope = np.polyfit(at[half:], megabytes[half:], 1)[0] if len(at) - half > 1 else 0.0
    figures = {
        "first": megabytes[0],
        "middle": megabytes[half],
        "last": megabytes[-1],
        "largest": megabytes.max(),
        "slope": 1000 * slope,
    }
    return {name: round(float(value), 2) for name, value in figures.items()}


def resident_megabytes() -> tuple[float, float]:
    """Of this process, and of its children together; from /proc, so on Linux."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return _resident("self"), sum(_resident(child) for child in children)


def _resident(process: str) -> float:
    return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def tables(results: dict[str, Any]) -> str:
    """Clips a second by workers, and the memory's series, as far as they were measured."""
    lines = []
    if "clips_a_second" in results:
        lines += ["| workers | clips a second |", "| --- | --- |"]
        for workers, (low, median, high) in results["clips_a_second"]["by_workers"].items():
            lines.append(f"| {workers} | {median} ({low}–{high}) |")
        lines.append("")
    if "memory" in results:
        memory = results["memory"]
        lines.append(
            f"| MB over {memory['clips']} clips | first | middle | last | largest | slope a 1,000 clips |"
        )
        lines.append("|" + " --- |" * 6)
        for process in ("main", "all workers"):
            lines.append(f"| {process} | {' | '.join(str(figure) for figure in memory[process].values())} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
