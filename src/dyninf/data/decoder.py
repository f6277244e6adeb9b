"""Reading chosen frames from an encoded video file.

T frames asked for, H and W pixels, C = 3 colours in the order red, green, blue.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import av
import av.logging
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

# Our own errors say what libav would print; its lines would tear progress bars apart.
av.logging.set_level(None)

# libav takes any file called *.txt for terminal art and "decodes" it with one of these.
_TEXT_CODECS = frozenset({"ansi", "bintext", "idf", "xbin"})


class VideoError(ValueError):
    """A file cannot be used as a video. The message is one line: the path, then the reason."""

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = Path(path)
        self.reason = reason

    def __reduce__(self) -> tuple[type[VideoError], tuple[Path, str]]:
        # Exceptions are pickled by their message alone otherwise, and could not leave a worker process.
        return (type(self), (self.path, self.reason))


@dataclass(frozen=True)
class VideoInfo:
    """What a video file holds.

    frames: number of frames; width, height: pixels; seconds: duration;
    codec: libav's name of it, such as "h264"; fps: average frames per second.
    """

    frames: int
    width: int
    height: int
    seconds: float
    codec: str
    fps: float


def probe(path: str | Path) -> VideoInfo:
    """Describe the first video stream of a file.

    Frames are the container's count; where it gives none, they are counted by decoding the whole file.

    Raises:
        VideoError: the file is missing, empty, not a video, damaged, or has sound only.
    """
    with _opened(path) as (container, stream):
        frames = stream.frames
        if frames == 0:
            frames = sum(1 for _ in _decoded(container, stream))
        if frames == 0:
            raise VideoError(path, "no frame can be decoded; the file is truncated or damaged")
        fps = float(stream.average_rate or stream.guessed_rate or 0)
        if stream.duration and stream.time_base:
            seconds = float(stream.duration * stream.time_base)
        elif container.duration:
            seconds = container.duration / av.time_base
        else:
            seconds = frames / fps if fps else 0.0
        return VideoInfo(frames, stream.width, stream.height, seconds, stream.codec_context.name, fps)


def read_frames(path: str | Path, indices: Sequence[int]) -> np.ndarray:
    """Decode the frames with these indices; they may repeat and come in any order.

    The file is read straight through up to the largest index, on one thread; only frames asked for are
    converted to RGB.

    Returns:
        uint8 array THWC in the order of `indices`.

    Raises:
        VideoError: as `probe`, or the file ends before the largest index.
        ValueError: no index, or a negative one.
    """
    if len(indices) == 0 or min(indices) < 0:
        raise ValueError(f"frame indices must be 0 or larger, at least one of them; got {list(indices)}")
    wanted, last = set(indices), max(indices)
    pictures: dict[int, np.ndarray] = {}
    decoded = 0
    with _opened(path) as (container, stream):
        reformatter = VideoReformatter()
        for index, frame in enumerate(_decoded(container, stream)):
            decoded = index + 1
            if index in wanted:
                rgb = reformatter.reformat(frame, stream.width, stream.height, "rgb24")
                pictures[index] = rgb.to_ndarray()
            if index == last:
                return np.stack([pictures[i] for i in indices])
        promised = f" of the {stream.frames} that the file promises" if stream.frames > decoded else ""
    raise VideoError(path, f"frame {last} was asked for, but only {decoded} frames{promised} can be decoded")


@contextmanager
def _opened(path: str | Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    file = Path(path)
    if not file.exists():
        raise VideoError(path, "no such file")
    if not file.is_file():
        raise VideoError(path, "is a folder, not a video file")
    if file.stat().st_size == 0:
        raise VideoError(path, "the file is empty (0 bytes)")
    try:
        container = av.open(str(file))
    except (av.FFmpegError, OSError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise VideoError(path, f"cannot be opened: not a video, or a truncated one ({reason})") from error
    with container:
        yield container, _video_stream(path, container)


def _video_stream(path: str | Path, container: InputContainer) -> VideoStream:
    # The picture on the sleeve of a sound file is a video stream to libav.
    streams = [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]
    if not streams:
        kind = "sound only" if container.streams.audio else f"format {container.format.name}"
        raise VideoError(path, f"has no video stream ({kind})")
    stream = streams[0]
    context = stream.codec_context
    if context is None:
        raise VideoError(path, "its video codec is unknown to libav")
    if context.name in _TEXT_CODECS:
        raise VideoError(path, "is a text file, not a video")
    # Data loader workers are the parallelism; threads below them only fight for the same cores.
    stream.thread_type = "NONE"
    context.thread_count = 1
    return stream


def _decoded(container: InputContainer, stream: VideoStream) -> Iterator[av.VideoFrame]:
    """Frames in presentation order, up to the first place that cannot be decoded."""
    frames = container.decode(stream)
    while True:
        try:
            frame = next(frames, None)
        except av.FFmpegError:
            return  # callers count what came before and name the damage by it
        if frame is None:
            return
        yield frame
