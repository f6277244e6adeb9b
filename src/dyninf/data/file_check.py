"""What is wrong with a video: with its file, or folder of images, and with its place in the lists.

F frames of the video, T of a clip.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from dyninf.data.container import DEFAULT_LIMITS
from dyninf.data.decoder import VideoReader
from dyninf.data.fence import Fence
from dyninf.data.frame_source import FrameReader, ImageFolder, frame_source
from dyninf.data.limits import Limits
from dyninf.data.sampling import Sampling
from dyninf.data.video_dataset import Video

Status = Literal["ok", "missing", "unreadable", "too_short", "wrong_label", "timeout"]
Decode = Literal["ends", "full"]
STATUSES: tuple[Status, ...] = get_args(Status)

AT_ONCE, RUN = 8, 512
"""Frames in memory at once, and frames that are decoded one after the other between two jumps."""


@dataclass(frozen=True)
class FileCheck:
    """What a file holds, as far as it could be read.

    reason: of a status that is not "ok", in one line; seconds: duration; size: width x height in pixels, as
    shown; codec: libav's name of it, or the ending of images.
    """

    status: Status
    reason: str = ""
    frames: int | None = None
    seconds: float | None = None
    size: str = ""
    codec: str = ""


def check_file(
    video: Video,
    sampling: Sampling,
    decode: Decode,
    limits: Limits = DEFAULT_LIMITS,
    fence: Fence | None = None,
) -> FileCheck:
    """Read a video, by PyAV: torchcodec's reader goes back to it wherever torchcodec fails.

    Args:
        sampling: which frames make a clip, and so how many are too few.
        limits, fence: what is beyond is "unreadable".
        decode: its first, middle and last frame ("ends"), or every one ("full").
    """
    facts = FileCheck("ok")
    try:
        if not video.path.exists():
            return FileCheck("missing", "no such file")
        with frame_source(video.path, limits=limits, fence=fence).open() as reader:
            facts = _facts(reader)
            F = reader.count() if video.frames is None else video.frames
            if F:
                reader.read(sorted({0, F // 2, F - 1}))
            if decode == "full":
                _read_all(reader, F)
    except Exception as error:  # whatever a damaged file leads to is what the check is for
        reason = " ".join(str(error).removeprefix(f"{video.path}: ").split())
        return replace(facts, status="unreadable", reason=reason or type(error).__name__)
    try:
        sampling.test(F)
    except ValueError as error:
        return replace(facts, status="too_short", reason=str(error))
    return facts


def label_faults(
    videos: Mapping[str, Sequence[Video]], class_names: Sequence[str]
) -> dict[tuple[str, str], str]:
    """What is wrong with the labels of videos, by split and id; without opening any.

    A video is listed in two splits, or with two labels; or it lies in the folder of another class. A folder
    whose name is that of no class says nothing.

    Args:
        videos: of each split.
    """
    places: dict[str, list[tuple[str, Video]]] = defaultdict(list)
    for split, listed in videos.items():
        for video in listed:
            places[f"file {video.path}"].append((split, video))
            places[f"id {video.video_id}"].append((split, video))
    classes: dict[str, set[int]] = defaultdict(set)
    for label, name in enumerate(class_names):
        classes[_bare(name)].add(label)
    faults: dict[tuple[str, str], str] = {}
    for found in places.values():
        where = sorted({(split, video.label) for split, video in found})
        if len(where) > 1:
            reason = "is listed as " + " and as ".join(f"{class_names[n]} in {split}" for split, n in where)
            faults |= {(split, video.video_id): reason for split, video in found}
    for split, listed in videos.items():
        for video in listed:
            folder = video.path.parent.name
            if video.label not in classes.get(_bare(folder), {video.label}):
                reason = f"is listed as {class_names[video.label]}, but lies in the folder {folder}"
                faults.setdefault((split, video.video_id), reason)
    return faults


def _bare(name: str) -> str:
    """A class's name as far as folders agree on it: "air drumming", "air_drumming", "AirDrumming"."""
    return re.sub(r"[\W_]+", "", name).lower()


def _facts(reader: FrameReader) -> FileCheck:
    if isinstance(reader, VideoReader):
        info = reader.info()
        return FileCheck("ok", "", info.frames, info.seconds, f"{info.width}x{info.height}", info.codec)
    height, width = reader.read([0]).shape[1:3]
    codec = reader.ending() if isinstance(reader, ImageFolder) else ""
    return FileCheck("ok", "", reader.count(), None, f"{width}x{height}", codec)


def _read_all(reader: FrameReader, F: int) -> None:
    for first in range(0, F, RUN):
        end = min(first + RUN, F)
        for _ in reader.groups([range(at, min(at + AT_ONCE, end)) for at in range(first, end, AT_ONCE)]):
            pass
