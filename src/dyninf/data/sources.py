"""Which videos a person means: by a file, a folder, or a list that comes as it is written."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from dyninf.data.frame_source import ImageFolder
from dyninf.data.video_dataset import ENDINGS
from dyninf.data.video_error import VideoError


def videos_at(source: Path, without: Path | None = None) -> list[Path]:
    """The file itself, or the videos below a folder, sorted; a folder of images without videos is one.

    without: a folder that is not looked into.

    Raises FileNotFoundError if there is nothing, or no video in the folder.
    """
    if not os.path.exists(source):
        raise FileNotFoundError(f"no file or folder {source}")
    if not source.is_dir():
        return [source]
    left_out = None if without is None else without.resolve()
    found = sorted(
        path
        for path in source.rglob("*")
        if path.suffix.lower() in ENDINGS
        and path.is_file()
        and (left_out is None or left_out not in path.resolve().parents)
    )
    return found or [_folder_of_images(source)]


def is_list(name: str) -> bool:
    """Whether a source is a list of videos: a file ending in .txt, which no video does."""
    return name.lower().endswith(".txt") and not os.path.isdir(name)


def listed_in(file: Path) -> list[Path]:
    """The videos of a list, one a line, each once; FileNotFoundError if there is no list, or none in it."""
    if not file.is_file():
        raise FileNotFoundError(f"no list of videos {file}")
    with file.open("rb") as lines:
        found = list(dict.fromkeys(named_in(lines)))
    if not found:
        raise FileNotFoundError(f"{file} lists no video: it needs the path of one on each line")
    return found


def named_in(lines: Iterable[bytes]) -> Iterator[Path]:
    """Paths, one a line, each as soon as its line is there; empty lines are none."""
    for line in lines:
        name = os.fsdecode(line.rstrip(b"\r\n"))
        if name.strip():
            yield Path(name)


def _folder_of_images(folder: Path) -> Path:
    try:
        ImageFolder(folder).count()
    except VideoError:
        raise FileNotFoundError(
            f"no video in {folder}: there is no file ending in {', '.join(sorted(ENDINGS))}, and no image "
            "called 00001.jpg, img_00001.jpg or the like"
        ) from None
    return folder
