"""What tells a split apart from other videos, and from the same seen in another way."""

import hashlib
from collections.abc import Iterable

from dyninf.data.frame_source import frame_source
from dyninf.data.video_dataset import Video


def fingerprint_of(videos: Iterable[Video], reading: str) -> str:
    """12 hex digits over each video's id, label and size (`FrameSource.size`), and over how clips are made.

    The order of the videos and the folder they lie in do not count.
    """
    lines = sorted(f"{video.video_id}\t{video.label}\t{_size_of(video)}" for video in videos)
    return hashlib.sha256("\n".join([reading, *lines]).encode(errors="surrogateescape")).hexdigest()[:12]


def _size_of(video: Video) -> str:
    size = frame_source(video.path).size()
    return size if video.frames is None else f"{size}, {video.frames} frames"
