"""Which videos of a data set can be used: a table, ``check.csv``, and a list of those that cannot."""

from __future__ import annotations

import csv
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from dyninf.atomic import atomic_file
from dyninf.data import PublishedDataModule, Video, VideoDataModule
from dyninf.data.file_check import STATUSES, Decode, FileCheck, check_file, label_faults
from dyninf.data.processes import Lost, cores, each_in_a_process

COLUMNS = ("path", "video_id", "split", "status", "reason", "frames", "seconds", "size", "codec")


class CheckedVideo(NamedTuple):
    """A video of a split, and what was found."""

    split: str
    video: Video
    found: FileCheck


def check_data(
    datamodule: VideoDataModule,
    output: Path,
    decode: Decode = "ends",
    sample: int | None = None,
    seed: int = 0,
    time_limit: float = 30,
    jobs: int | None = None,
) -> list[CheckedVideo]:
    """Read the videos of all splits that are not excluded; print tables, write two files into `output`.

    ``check.csv`` has a row a video (`FileCheck`), ``exclude.txt`` what the data set is to do without: what it
    does without now, and every video that is not "ok".

    Args:
        decode: first, middle and last frame of each video ("ends") or all frames ("full").
        sample: videos of each split, chosen by `seed`; None reads all.
        time_limit: seconds for each video.
        jobs: processes; None takes one a core.

    Raises:
        ValueError, FileNotFoundError: the lists of the data set cannot be read. A bad video raises nothing.
    """
    listed = {split: datamodule.videos(split) for split in datamodule.splits}
    chosen = [(split, video) for split, videos in listed.items() for video in _sample(videos, sample, seed)]
    faults = label_faults(listed, datamodule.class_names)
    checks: dict[int, FileCheck] = {}
    work = partial(
        check_file,
        sampling=datamodule.sampling,
        decode=decode,
        limits=datamodule.limits,
        fence=datamodule.fence,
    )
    console = Console()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(f"Reading the videos of {datamodule.name}", total=len(chosen))
        results = each_in_a_process(work, [video for _, video in chosen], jobs or cores(), time_limit)
        for index, found in results:
            if isinstance(found, Lost):
                found = FileCheck("timeout" if found.timed_out else "unreadable", found.reason)
            checks[index] = found
            progress.advance(bar)
    rows = []
    for index, (split, video) in enumerate(chosen):
        found, fault = checks[index], faults.get((split, video.video_id))
        if found.status == "ok" and fault is not None:
            found = FileCheck("wrong_label", fault, found.frames, found.seconds, found.size, found.codec)
        rows.append(CheckedVideo(split, video, found))
    _write(rows, datamodule, output)
    _tell(rows, datamodule, output, console)
    return rows


def fault_table(rows: Sequence[CheckedVideo], splits: Sequence[str]) -> Table:
    """How many videos of each split have each status."""
    table = Table(title="what was found")
    table.add_column("videos")
    for split in (*splits, "all"):
        table.add_column(split, justify="right")
    count = Counter((row.split, row.found.status) for row in rows)
    for status in STATUSES:
        found = [count[split, status] for split in splits]
        table.add_row(status.replace("_", " "), *(f"{n:,}" for n in (*found, sum(found))))
    checked = Counter(row.split for row in rows)
    table.add_row("checked", *(f"{n:,}" for n in (*(checked[split] for split in splits), len(rows))))
    return table


def size_table(rows: Sequence[CheckedVideo], datamodule: VideoDataModule) -> Table:
    """Videos of each split: listed, to be used if the bad ones are left out, and in a complete copy.

    Where only some videos were checked, those to be used are estimated ("about") from their shares.
    """
    table = Table(title=f"sizes of {datamodule.name}")
    table.add_column("split")
    for heading in ("listed", "without bad ones", "published"):
        table.add_column(heading, justify="right")
    sizes: dict[str, tuple[int, int]] = {}
    sampled: set[str] = set()
    for split in datamodule.splits:
        checked = [row.found.status for row in rows if row.split == split]
        to_check = len(datamodule.videos(split))
        if len(checked) < to_check:
            sampled.add(split)
        good = round(to_check * checked.count("ok") / len(checked))
        sizes[split] = (len(datamodule.all_videos(split)), good)
    published = datamodule.published_sizes if isinstance(datamodule, PublishedDataModule) else None
    parts: dict[str, tuple[list[str], int | None]] = {split: ([split], None) for split in sizes}
    if published is not None:
        parts["test"] = (["test"], published.test)
        parts["train + calibration"] = (["train", "calibration"], published.train)
    parts["all"] = (list(sizes), None if published is None else published.all)
    for part, (splits, complete) in parts.items():
        listed, good = (sum(sizes[split][i] for split in splits) for i in (0, 1))
        about = "about " if sampled & set(splits) else ""
        table.add_row(part, f"{listed:,}", f"{about}{good:,}", "" if complete is None else f"{complete:,}")
    if published is not None:
        table.caption = "published: all has videos of no list here too, such as those of an unlabelled test"
    return table


def _sample(videos: list[Video], sample: int | None, seed: int) -> Iterator[Video]:
    if sample is None or sample >= len(videos):
        return iter(videos)
    return (videos[i] for i in sorted(random.Random(seed).sample(range(len(videos)), sample)))


def _write(rows: Sequence[CheckedVideo], datamodule: VideoDataModule, output: Path) -> None:
    with atomic_file(output / "check.csv") as new, new.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(COLUMNS)
        for split, video, found in rows:
            seconds = "" if found.seconds is None else f"{found.seconds:.3f}"
            what = (found.status, found.reason, found.frames, seconds, found.size, found.codec)
            writer.writerow([video.path, video.video_id, split, *what])
    before = () if datamodule.excluded is None else datamodule.excluded.names
    bad = [row.video.video_id for row in rows if row.found.status != "ok"]
    with atomic_file(output / "exclude.txt") as new:
        new.write_text("".join(f"{name}\n" for name in dict.fromkeys([*before, *bad])), encoding="utf-8")


def _tell(rows: Sequence[CheckedVideo], datamodule: VideoDataModule, output: Path, console: Console) -> None:
    console.print(fault_table(rows, datamodule.splits))
    console.print(size_table(rows, datamodule))
    bad = sum(row.found.status != "ok" for row in rows)
    console.print(f"{bad} of {len(rows)} videos are bad; written to {output}: check.csv, exclude.txt")
    if bad:
        file = (output / "exclude.txt").resolve()
        console.print(f"to do without them: dataset.exclude={file}", soft_wrap=True)
