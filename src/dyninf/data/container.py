"""Opening a video file, and the one error that everything wrong with one ends in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import av.logging
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

# Our own errors say what libav would print; its lines would tear progress bars apart.
av.logging.set_level(None)

# libav takes any file called *.txt for terminal art and "decodes" it with one of these.
_TEXT_CODECS = frozenset({"ansi", "bintext", "idf", "xbin"})

MAX_PIXELS = 4096 * 4096
"""Pictures of more pixels are refused: a damaged header may declare any size, and memory is taken for it."""

_LIMIT = {"max_pixels": str(MAX_PIXELS)}


class VideoError(ValueError):
    """A file cannot be used as a video. The message is one line: the path, then the reason."""

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{_printable(str(path))}: {reason}")
        self.path = Path(path)
        self.reason = reason

    def __reduce__(self) -> tuple[type[VideoError], tuple[Path, str]]:
        # Exceptions are pickled by their message alone otherwise, and could not leave a worker process.
        return (type(self), (self.path, self.reason))


@contextmanager
def opened(path: str | Path) -> Iterator[tuple[InputContainer, VideoStream]]:
    """A file and its first video stream, set up for decoding on one thread.

    Raises:
        VideoError: the file is missing, empty, not a video, cut before its index, has sound only, or declares
            pictures of more than `MAX_PIXELS`.
    """
    file = Path(path)
    if not os.path.exists(file):  # also where the name is none: too long, or with a NUL
        raise VideoError(path, "no such file")
    if not file.is_file():
        raise VideoError(path, "is a folder, not a video file")
    if file.stat().st_size == 0:
        raise VideoError(path, "the file is empty (0 bytes)")
    try:
        # Titles and the like may be in any encoding; nobody asks for them.
        container = av.open(str(file), metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise VideoError(path, f"cannot be opened: not a video, or a truncated one ({reason})") from error
    with container:
        yield container, _video_stream(path, container)


def packets_of(container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
    """The packets of a stream, from where the container stands, without those that hold nothing."""
    return (packet for packet in container.demux(stream) if packet.size)


def _printable(text: str) -> str:
    """Without line breaks and the like, which a name in a list may have."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


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
    if stream.width * stream.height > MAX_PIXELS:
        size = f"{stream.width} x {stream.height}"
        raise VideoError(
            path, f"declares pictures of {size} pixels, more than the {MAX_PIXELS} that are read"
        )
    context.options = _LIMIT  # a size may change on the way
    # Data loader workers are the parallelism; threads below them only fight for the same cores.
    stream.thread_type = "NONE"
    context.thread_count = 1
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all  # sound is not even read where the format lets one skip it
    return stream
