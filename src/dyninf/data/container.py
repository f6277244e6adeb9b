"""Opening a video file, within limits."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
import av.logging
from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Disposition
from av.video.stream import VideoStream

from dyninf.data.limits import Limits
from dyninf.data.video_error import VideoError

# Our own errors say what libav would print; its lines would tear progress bars apart.
av.logging.set_level(None)

# libav takes any file called *.txt for terminal art and "decodes" it with one of these.
_TEXT_CODECS = frozenset({"ansi", "bintext", "idf", "xbin"})

# Files of these formats name others, which libav opens: a video must not have it read those of the machine.
_LISTS_OF_FILES = frozenset({"concat", "dash", "hls", "imf"})

_ENOUGH = 64 << 20  # bytes, to open a video

DEFAULT_LIMITS = Limits()


@contextmanager
def opened(path: str | Path, limits: Limits = DEFAULT_LIMITS) -> Iterator[tuple[InputContainer, VideoStream]]:
    """A file and its first video stream, set up for decoding on one thread.

    Raises:
        VideoError: the file is missing, empty, no file but a pipe or the like, not a video, a list of other
            files, cut before its index, has sound only, or is larger, or declares larger pictures, than the
            limits let it.
    """
    size = size_of_file(path)
    if size == 0:
        raise VideoError(path, "the file is empty (0 bytes)")
    limits.check_bytes(path, size)
    try:
        # Titles and the like may be in any encoding; nobody asks for them.
        container = av.open(str(path), metadata_errors="replace")
    except (av.FFmpegError, OSError) as error:
        if isinstance(error, MemoryError) and not _memory_is_left():
            raise
        reason = getattr(error, "strerror", None) or type(error).__name__
        raise VideoError(path, f"cannot be opened: not a video, or a truncated one ({reason})") from error
    with container:
        yield container, _video_stream(path, container, limits)


def _memory_is_left() -> bool:
    """Whether this process can have more; libav tells of a lack of it where a file is damaged, too."""
    try:
        bytearray(_ENOUGH)
    except MemoryError:
        return False
    return True


def size_of_file(path: str | Path) -> int:
    """In bytes. Raises VideoError for what is no file: opening a pipe waits for one who writes into it."""
    if not os.path.exists(path):  # also where the name is none: too long, or with a NUL
        raise VideoError(path, "no such file")
    found = os.stat(path)
    if stat.S_ISDIR(found.st_mode):
        raise VideoError(path, "is a folder, not a video file")
    if not stat.S_ISREG(found.st_mode):
        raise VideoError(path, "is a pipe, a device or a socket, not a file")
    return found.st_size


def packets_of(container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
    """The packets of a stream, from where the container stands, without those that hold nothing."""
    return (packet for packet in container.demux(stream) if packet.size)


def _video_stream(path: str | Path, container: InputContainer, limits: Limits) -> VideoStream:
    if container.format.name in _LISTS_OF_FILES:
        raise VideoError(path, "is a list of other files, which are not opened")
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
    limits.check_picture(path, stream.width, stream.height)
    if limits.pixels is not None:
        context.options = {"max_pixels": str(limits.pixels)}  # a size may change on the way
    # Data loader workers are the parallelism; threads below them only fight for the same cores.
    stream.thread_type = "NONE"
    context.thread_count = 1
    for other in container.streams:
        if other.index != stream.index:
            other.discard = Discard.all  # sound is not even read where the format lets one skip it
    return stream
