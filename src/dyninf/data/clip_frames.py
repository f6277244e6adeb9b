"""The frames of one clip, group by group: what is never asked for is never decoded.

T frames of a clip, t of a group, F of the video, H and W pixels, C = 3 colours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from torch import Tensor

from dyninf.data.frame_source import FrameSource, frame_source
from dyninf.data.sampling import Sampling
from dyninf.data.video_error import VideoError

Permutation = Sequence[Sequence[int]]
"""Which frames of a clip each group has, as `Network.permutation`."""


@dataclass(frozen=True)
class Span:
    """The part of a video that a clip is taken from.

    first, end: frames, the end not among them. number: of the window in its video, from 0. of: windows of the
    video; None where it has no end. rate: frames a second; None where none is known.
    """

    first: int
    end: int
    number: int = 0
    of: int | None = 1
    rate: float | None = None

    @property
    def is_last(self) -> bool:
        return self.number + 1 == self.of

    @property
    def seconds(self) -> tuple[float, float] | None:
        """From when to when, in seconds from the first frame of the video."""
        return (self.first / self.rate, self.end / self.rate) if self.rate else None


class VideoClip:
    """The clip of a video, or of a window of it, that `VideoDataset` gives in testing, in one view.

    A `ClipFrames` for `answer_clips`. The video is opened when the first group is asked for. Groups come in
    ascending order; one that is left out is read all the same.

    Args:
        path: a file or a folder of images.
        sampling: which frames make the clip; of the window where there is one.
        permutation: which of them each group has.
        transform: uint8 frames THWC -> float32 TCHW, frame by frame the same.
        window: the part of the video; None for all of it.
        source: where the frames come from; None reads `path` here, by PyAV and within the usual limits.
    """

    def __init__(
        self,
        path: Path,
        sampling: Sampling,
        permutation: Permutation,
        transform: Callable[[np.ndarray], Tensor],
        window: Span | None = None,
        source: FrameSource | None = None,
    ) -> None:
        self.path = path
        self.name = str(path)
        self.window = window
        self._sampling = sampling
        self._permutation = permutation
        self._transform = transform
        self._source = source or frame_source(path)
        self._opened: AbstractContextManager[object] | None = None
        self._groups: Iterator[np.ndarray] = iter(())
        self._given = 0

    def group(self, group: int) -> Tensor:
        """The normalised frames (t, C, H, W), float32, of a group, from 1.

        Raises VideoError, naming the file, where it cannot be read or is too short for the sampling, and
        ValueError for a group that was given before.
        """
        if group <= self._given:
            raise ValueError(f"group {group} of {self.name} was given before: groups come in order")
        if self._opened is None:
            self._open()
        while self._given < group:
            frames_tHWC = next(self._groups)
            self._given += 1
        return self._transform(frames_tHWC)

    def close(self) -> None:
        """Let go of the file."""
        self._groups = iter(())
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.__exit__(None, None, None)

    def _open(self) -> None:
        opened = self._source.open()
        reader = opened.__enter__()
        self._opened = opened
        first, end = (0, reader.count()) if self.window is None else (self.window.first, self.window.end)
        try:
            [clip_T] = self._sampling.test(end - first)
        except VideoError:
            raise
        except ValueError as error:
            where = "" if self.window is None else f"the window of frames {first} to {end - 1} "
            raise VideoError(self.path, f"{where}{error}") from error
        groups = [[first + clip_T[i] for i in group] for group in self._permutation]
        self._groups = iter(reader.groups(groups))


class UnreadableClip:
    """Stands for a clip of which is known that it cannot be read; the error comes with the first group."""

    def __init__(self, path: Path, error: Exception, window: Span | None = None) -> None:
        self.path = path
        self.name = str(path)
        self.window = window
        self._error = error

    def group(self, group: int) -> Tensor:
        raise self._error

    def close(self) -> None:
        """Nothing is open."""
