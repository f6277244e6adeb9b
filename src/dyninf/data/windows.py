"""Long videos as a sequence of windows that overlap, each a clip of its own.

F frames of a video.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

import numpy as np
from torch import Tensor

from dyninf.data.clip_frames import Permutation, Span, UnreadableClip, VideoClip
from dyninf.data.frame_source import FrameReader, FrameSource, frame_source
from dyninf.data.sampling import Sampling
from dyninf.data.video_error import VideoError

_LENGTH = re.compile(r"(\d+(?:\.\d+)?)\s*(f?)")


@dataclass(frozen=True)
class Windows:
    """How a video is cut: windows of one length, each beginning before the one before it ends.

    length: seconds, or with `in_frames` frames. overlap: the share of a window that the next one has as well.

    Raises ValueError if the length is not above 0, or the overlap not from 0 to below 1.
    """

    length: float
    in_frames: bool = False
    overlap: float = 0.5

    def __post_init__(self) -> None:
        if not self.length > 0:
            raise ValueError(f"a window has to be longer than 0, got {self.length:g}")
        if not 0 <= self.overlap < 1:
            raise ValueError(f"overlap must be a share from 0 to below 1, got {self.overlap}")

    @classmethod
    def of(cls, length: str | float, overlap: float = 0.5) -> Windows:
        """From a setting: 2.5 for seconds, 64f for frames; ValueError for anything else."""
        match = _LENGTH.fullmatch(str(length).strip())
        if match is None or isinstance(length, bool) or (match[2] and "." in match[1]):
            raise ValueError(f"window must be seconds, such as 2.5, or frames, such as 64f; got {length!r}")
        if isinstance(overlap, bool) or not isinstance(overlap, (int, float)):
            raise ValueError(f"overlap must be a share from 0 to below 1, got {overlap!r}")
        return cls(float(match[1]), bool(match[2]), overlap)

    def frames(self, rate: float | None) -> int:
        """Frames of a window, at so many a second; ValueError if that is unknown and needed."""
        if self.in_frames:
            return int(self.length)
        if not rate:
            raise ValueError("has no frame rate, so that its windows need a length in frames, such as 64f")
        return max(round(self.length * rate), 1)

    def step(self, frames: int) -> int:
        """Frames from the beginning of a window of so many frames to that of the next."""
        return max(round(frames * (1 - self.overlap)), 1)

    def spans(self, length: int, rate: float | None = None) -> list[Span]:
        """The windows of a video of F = `length` frames.

        The last one ends with the video, if need be by overlapping more. A video no longer than a window is
        one.
        """
        frames = self.frames(rate)
        last = max(length - frames, 0)
        firsts = [*range(0, last, self.step(frames)), last]
        return [
            Span(first, min(first + frames, length), number, len(firsts), rate)
            for number, first in enumerate(firsts)
        ]


def window_clips(
    path: Path,
    windows: Windows,
    sampling: Sampling,
    permutation: Permutation,
    transform: Callable[[np.ndarray], Tensor],
    source: FrameSource | None = None,
) -> Iterator[VideoClip | UnreadableClip]:
    """The clips of a video's windows, in order. They share one open file, which is closed after the last.

    A video that cannot be cut is one `UnreadableClip`. source: as `VideoClip` takes it.
    """
    shared = SharedSource(source or frame_source(path))
    try:
        with shared.open() as reader:
            try:
                spans = windows.spans(reader.count(), reader.rate())
            except VideoError:
                raise
            except ValueError as error:
                raise VideoError(path, str(error)) from error
            for span in spans:
                yield VideoClip(path, sampling, permutation, transform, span, shared)
    except (ValueError, OSError) as error:
        yield UnreadableClip(path, error)


class SharedSource:
    """A source that is opened once for all who have it open at a time; threads take turns."""

    def __init__(self, source: FrameSource) -> None:
        self._source = source
        self._lock = Lock()
        self._users = 0
        self._opened: AbstractContextManager[FrameReader] | None = None
        self._reader: FrameReader | None = None

    @contextmanager
    def open(self) -> Iterator[SharedSource]:
        """Itself, as a reader."""
        with self._lock:
            if self._opened is None:
                opened = self._source.open()
                self._reader = opened.__enter__()
                self._opened = opened
            self._users += 1
        try:
            yield self
        finally:
            with self._lock:
                self._users -= 1
                if self._users == 0 and self._opened is not None:
                    self._opened.__exit__(None, None, None)
                    self._opened = self._reader = None

    def count(self) -> int:
        with self._lock:
            return self._there().count()

    def rate(self) -> float | None:
        with self._lock:
            return self._there().rate()

    def read(self, indices: Sequence[int]) -> np.ndarray:
        with self._lock:
            return self._there().read(indices)

    def groups(self, groups: Sequence[Sequence[int]]) -> Iterator[np.ndarray]:
        with self._lock:
            pictures = iter(self._there().groups(groups))
        for _ in groups:
            with self._lock:
                frames_THWC = next(pictures)
            yield frames_THWC

    def size(self) -> str:
        return self._source.size()

    def _there(self) -> FrameReader:
        assert self._reader is not None, "read from while open only"
        return self._reader
