"""A camera, or another stream without an end, as windows that roll on.

T frames of a clip, t of a group, H and W pixels, C = 3 colours.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.video.frame import VideoFrame
from torch import Tensor

from dyninf.data.clip_frames import Permutation, Span, UnreadableClip
from dyninf.data.picture import Painter
from dyninf.data.sampling import Sampling
from dyninf.data.video_error import VideoError
from dyninf.data.windows import Windows

CAMERA, STREAM = "camera:", "stream:"


def is_live(source: str) -> bool:
    """Whether a source is ``camera:NUMBER`` or ``stream:ADDRESS``."""
    return source.startswith((CAMERA, STREAM))


@contextmanager
def open_live(source: str) -> Iterator[InputContainer]:
    """A camera by its number, as Linux counts them, or anything that libav opens, such as an rtsp address.

    Raises VideoError where it cannot be opened.
    """
    address, device = source.removeprefix(STREAM), None
    if source.startswith(CAMERA):
        number = source.removeprefix(CAMERA)
        if not number.isdigit():
            raise ValueError(f"a camera is named by its number, such as camera:0; got {source!r}")
        address, device = f"/dev/video{number}", "v4l2"
        if not Path(address).exists():
            raise VideoError(source, f"there is no camera {address}")
    try:
        container = av.open(address, "r", format=device)
    except (av.FFmpegError, OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        raise VideoError(source, f"cannot be opened ({reason})") from error
    with container:
        yield container


def live_clips(
    name: str,
    container: InputContainer,
    windows: Windows,
    sampling: Sampling,
    permutation: Permutation,
    transform: Callable[[np.ndarray], Tensor],
) -> Iterator[LiveClip | UnreadableClip]:
    """A clip whenever a window is full, until the stream ends; what breaks it is one `UnreadableClip`.

    Every frame is decoded, since a stream does not wait; only those of groups that are asked for are turned
    into pictures.
    """
    number = end = 0
    try:
        if not container.streams.video:
            raise ValueError("has no video stream")
        stream = container.streams.video[0]
        rate = float(stream.average_rate or stream.guessed_rate or 0) or None
        frames = windows.frames(rate)
        [clip_T] = sampling.test(frames)
        recent: deque[VideoFrame] = deque(maxlen=frames)
        for end, frame in enumerate(container.decode(stream), start=1):
            recent.append(frame)
            if end >= frames and (end - frames) % windows.step(frames) == 0:
                span = Span(end - frames, end, number, None, rate)
                yield LiveClip(name, [recent[i] for i in clip_T], permutation, transform, span)
                number += 1
    except (av.FFmpegError, OSError, ValueError) as error:
        yield UnreadableClip(Path(name), VideoError(name, str(error)), Span(end, end, number, None))


class LiveClip:
    """A clip whose T frames are there already. A `ClipFrames` for `answer_clips`."""

    def __init__(
        self,
        name: str,
        frames: Sequence[VideoFrame],
        permutation: Permutation,
        transform: Callable[[np.ndarray], Tensor],
        window: Span,
    ) -> None:
        self.path = Path(name)
        self.name = name
        self.window = window
        self._frames = frames
        self._permutation = permutation
        self._transform = transform
        self._painter = Painter(frames[0].width, frames[0].height)

    def group(self, group: int) -> Tensor:
        """The normalised frames (t, C, H, W), float32, of a group, from 1."""
        chosen = [self._frames[i] for i in self._permutation[group - 1]]
        return self._transform(np.stack([self._painter.picture(frame) for frame in chosen]))

    def close(self) -> None:
        self._frames = ()
