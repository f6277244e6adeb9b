"""Making the synthetic data set's folder: mp4 files and a manifest, all of it or nothing.

The folder is built under a temporary name beside its place and renamed when it is whole. Two processes
may make the same folder at once; the first to finish wins and the other takes what is there.
"""

from __future__ import annotations

import csv
import hashlib
import multiprocessing
import multiprocessing.connection
import os
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dyninf.data.synthetic_recipe import CLASS_NAMES, Recipe, recipe
from dyninf.data.synthetic_render import render

GENERATOR_VERSION = 1  # raise it with every change to what is drawn or how it is encoded

FRAMES, HEIGHT, WIDTH, FPS = 32, 72, 80, 16
# Without B-frames and CABAC the small clips decode in about half the time, at a few kilobytes more.
_X264 = {"preset": "veryfast", "tune": "fastdecode", "crf": "24", "bf": "0", "threads": "1"}
_CLIPS_PER_TASK = 20
_TASKS_WORTH_A_PROCESS = 10  # a process takes seconds to start, mostly to import torch
MANIFEST_COLUMNS = (
    "video_id path split label class difficulty size contrast clutter occlusion noise moment "
    "background_hue object_hue"
).split()


@dataclass(frozen=True)
class Order:
    """Which data set to make: a seed, and the clips of each class in each split."""

    seed: int
    clips: tuple[tuple[str, int], ...]

    @property
    def folder_name(self) -> str:
        """Names everything that the files depend on, so that no other order takes them for its own."""
        picture = (FRAMES, HEIGHT, WIDTH, FPS, sorted(_X264.items()))
        content = repr((GENERATOR_VERSION, self, CLASS_NAMES, MANIFEST_COLUMNS, picture))
        counts = "x".join(str(count) for _, count in self.clips)
        return f"seed{self.seed}-{counts}-{hashlib.sha256(content.encode()).hexdigest()[:10]}"

    def recipes(self) -> Iterator[Recipe]:
        """Every clip: splits in their order, then classes, then clips of a class."""
        for split, count in self.clips:
            for label in range(len(CLASS_NAMES)):
                for index in range(count):
                    yield recipe(self.seed, split, label, index)


def make(order: Order, root: Path) -> Path:
    """Make the ordered data set below `root`, unless it is there, and return its folder."""
    folder = root / order.folder_name
    if folder.exists():
        return folder
    root.mkdir(parents=True, exist_ok=True)
    _remove_leftovers(folder)
    building = folder.with_name(f"{_temporary_prefix(folder)}{os.getpid()}")
    building.mkdir()
    try:
        recipes = list(order.recipes())
        _encode_all(recipes, building)
        _write_lists(recipes, building)
        try:
            building.rename(folder)
        except OSError:
            if not folder.exists():
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return folder


def encode(frames_THWC: np.ndarray, path: Path, fps: int = FPS) -> None:
    """Write uint8 RGB frames as an H.264 mp4 file; height and width are even."""
    height, width = frames_THWC.shape[1:3]
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream(
            "libx264", rate=fps, width=width, height=height, pix_fmt="yuv420p", options=_X264
        )
        for frame_HWC in frames_THWC:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame_HWC, format="rgb24")))
        container.mux(stream.encode(None))


def file_of(clip: Recipe) -> str:
    """The clip's file, relative to the data set's folder."""
    return f"{clip.video_id}.mp4"


def _encode_all(recipes: list[Recipe], folder: Path) -> None:
    for parent in {(folder / file_of(clip)).parent for clip in recipes}:
        parent.mkdir(parents=True, exist_ok=True)
    tasks = [recipes[i : i + _CLIPS_PER_TASK] for i in range(0, len(recipes), _CLIPS_PER_TASK)]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as progress:
        bar = progress.add_task("Drawing the synthetic clips", total=len(recipes))
        for done in _run(tasks, folder):
            progress.advance(bar, done)


def _run(tasks: list[list[Recipe]], folder: Path) -> Iterator[int]:
    """Draw and encode the tasks, in parallel where they are worth it; gives the clips done by each."""
    processes = min(_cores(), len(tasks) // _TASKS_WORTH_A_PROCESS)
    if processes < 2:
        yield from (_draw_and_encode(task, folder) for task in tasks)
        return
    # Spawned, not forked: the caller has torch's threads and a progress bar's running.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=_live_and_die_with_the_maker) as pool:
        try:
            for future in as_completed([pool.submit(_draw_and_encode, task, folder) for task in tasks]):
                yield future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _live_and_die_with_the_maker() -> None:
    # Ctrl-C reaches the maker, which ends the pool; a killed maker cannot, and its pool would wait for ever.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    maker = multiprocessing.parent_process()
    assert maker is not None, "runs in the pool's processes only"

    def watch() -> None:
        multiprocessing.connection.wait([maker.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _cores() -> int:
    # A container's share of the machine, where the system tells it.
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _draw_and_encode(task: list[Recipe], folder: Path) -> int:
    for clip in task:
        encode(render(clip, FRAMES, HEIGHT, WIDTH), folder / file_of(clip))
    return len(task)


def _write_lists(recipes: list[Recipe], folder: Path) -> None:
    (folder / "classes.txt").write_text("\n".join(CLASS_NAMES) + "\n", encoding="utf-8")
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(MANIFEST_COLUMNS)
        for clip in recipes:
            known = {"path": file_of(clip), "class": CLASS_NAMES[clip.label]}
            values = [known.get(column) or getattr(clip, column) for column in MANIFEST_COLUMNS]
            writer.writerow([f"{value:.4f}" if isinstance(value, float) else value for value in values])


def _temporary_prefix(folder: Path) -> str:
    return f".{folder.name}.making-{socket.gethostname()}-"


def _remove_leftovers(folder: Path) -> None:
    """Remove what makers on this machine left that were killed before they could clean up."""
    prefix = _temporary_prefix(folder)
    for leftover in folder.parent.glob(f"{prefix}*"):
        maker = leftover.name.removeprefix(prefix)
        if maker.isdigit() and not _is_alive(int(maker)):
            shutil.rmtree(leftover, ignore_errors=True)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
