"""Making the folder of a data set that is drawn: mp4 files and a manifest, all of it or nothing.

The folder is built under a temporary name beside its place and renamed when it is whole. Of several processes
that want it at once one makes it, and the others wait and take it. On a file system without locks, as some
are that machines share, each makes it; the first to finish wins and the others take what is there.
"""

from __future__ import annotations

import csv
import fcntl
import hashlib
import multiprocessing
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import av
import numpy as np
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from dyninf.atomic import sync_folder
from dyninf.data.processes import cores, live_and_die_with_the_maker
from dyninf.data.x264 import repeatable

# Without B-frames and CABAC the small clips decode in about half the time, at a few kilobytes more.
_X264 = {"preset": "veryfast", "tune": "fastdecode", "crf": "24", "bf": "0", "threads": "1"}
_CLIPS_PER_TASK = 20
_TASKS_WORTH_A_PROCESS = 10  # a process takes seconds to start, mostly to import torch


class Recipe(Protocol):
    """A clip before it is drawn; what else it has goes into the manifest, where a column is named so."""

    @property
    def label(self) -> int: ...

    @property
    def video_id(self) -> str: ...


@dataclass(frozen=True)
class Drawing:
    """What a data set that is drawn shows, whatever its seed and the number of its clips.

    name: for the progress display;
    version: raised with every change to what is drawn or how it is encoded;
    class_names: in the order of the labels;
    columns: of the manifest: "path", "class" and attributes of a recipe;
    picture: whatever else the files depend on, as values with an exact `repr`;
    fps: frames a second;
    recipe: from a seed, a split, a label and an index to a clip's recipe;
    draw: from a recipe to uint8 frames THWC. Both are functions of a module, so that processes share them.
    """

    name: str
    version: int
    class_names: tuple[str, ...]
    columns: tuple[str, ...]
    picture: tuple[Any, ...]
    fps: int
    recipe: Callable[[int, str, int, int], Any]
    draw: Callable[[Any], np.ndarray]


@dataclass(frozen=True)
class Order:
    """Which data set to make: a seed, and the clips of each class in each split."""

    seed: int
    clips: tuple[tuple[str, int], ...]
    drawing: Drawing = field(repr=False)

    @property
    def folder_name(self) -> str:
        """Names everything that the files depend on, so that no other order takes them for its own."""
        drawing = self.drawing
        picture = (*drawing.picture, sorted(_X264.items()))
        content = repr((drawing.version, self, drawing.class_names, list(drawing.columns), picture))
        counts = "x".join(str(count) for _, count in self.clips)
        return f"seed{self.seed}-{counts}-{hashlib.sha256(content.encode()).hexdigest()[:10]}"

    def recipes(self) -> Iterator[Recipe]:
        """Every clip: splits in their order, then classes, then clips of a class."""
        for split, count in self.clips:
            for label in range(len(self.drawing.class_names)):
                for index in range(count):
                    yield self.drawing.recipe(self.seed, split, label, index)


def make(order: Order, root: Path) -> Path:
    """Make the ordered data set below `root`, unless it is there, and return its folder."""
    folder = root / order.folder_name
    if folder.exists():
        return folder
    root.mkdir(parents=True, exist_ok=True)
    with _alone_in(root):
        return folder if folder.exists() else _made(order, folder)


def _made(order: Order, folder: Path) -> Path:
    _remove_leftovers(folder)
    building = folder.with_name(f"{_temporary_prefix(folder)}{os.getpid()}")
    building.mkdir()
    try:
        recipes = list(order.recipes())
        _encode_all(order.drawing, recipes, building)
        _write_lists(order.drawing, recipes, building)
        sync_folder(building)
        try:
            building.rename(folder)
        except OSError:
            if not folder.exists():
                raise
    finally:
        shutil.rmtree(building, ignore_errors=True)
    return folder


@contextmanager
def _alone_in(root: Path) -> Iterator[None]:
    """A lock on the folder itself, which the end of a process gives back, however it ends."""
    descriptor = os.open(root, os.O_RDONLY)
    try:
        with suppress(OSError):  # no locks here
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def encode(frames_THWC: np.ndarray, path: Path, fps: int = 16) -> None:
    """Write uint8 RGB frames as an H.264 mp4 file; height and width are even."""
    height, width = frames_THWC.shape[1:3]
    with av.open(str(path), "w", format="mp4") as container:
        options = {**_X264, **repeatable()}
        stream = container.add_stream(
            "libx264", rate=fps, width=width, height=height, pix_fmt="yuv420p", options=options
        )
        for frame_HWC in frames_THWC:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame_HWC, format="rgb24")))
        container.mux(stream.encode(None))


def file_of(clip: Recipe) -> str:
    """The clip's file, relative to the data set's folder."""
    return f"{clip.video_id}.mp4"


def _encode_all(drawing: Drawing, recipes: list[Recipe], folder: Path) -> None:
    for parent in {(folder / file_of(clip)).parent for clip in recipes}:
        parent.mkdir(parents=True, exist_ok=True)
    tasks = [recipes[i : i + _CLIPS_PER_TASK] for i in range(0, len(recipes), _CLIPS_PER_TASK)]
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, transient=True) as progress:
        bar = progress.add_task(f"Drawing the {drawing.name} clips", total=len(recipes))
        for done in _run(drawing, tasks, folder):
            progress.advance(bar, done)


def _run(drawing: Drawing, tasks: list[list[Recipe]], folder: Path) -> Iterator[int]:
    """Draw and encode the tasks, in parallel where they are worth it; gives the clips done by each."""
    processes = min(cores(), len(tasks) // _TASKS_WORTH_A_PROCESS)
    if processes < 2:
        yield from (_draw_and_encode(drawing, task, folder) for task in tasks)
        return
    # Spawned, not forked: the caller has torch's threads and a progress bar's running.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(processes, mp_context=context, initializer=live_and_die_with_the_maker) as pool:
        try:
            futures = [pool.submit(_draw_and_encode, drawing, task, folder) for task in tasks]
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _draw_and_encode(drawing: Drawing, task: list[Recipe], folder: Path) -> int:
    for clip in task:
        encode(drawing.draw(clip), folder / file_of(clip), drawing.fps)
    return len(task)


def _write_lists(drawing: Drawing, recipes: list[Recipe], folder: Path) -> None:
    (folder / "classes.txt").write_text("\n".join(drawing.class_names) + "\n", encoding="utf-8")
    with (folder / "manifest.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(drawing.columns)
        for clip in recipes:
            known = {"path": file_of(clip), "class": drawing.class_names[clip.label]}
            values = [known.get(column) or getattr(clip, column) for column in drawing.columns]
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
