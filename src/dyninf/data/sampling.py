"""Which frames of a video make a clip, and which make several clips of it for testing.

T frames of a clip, F frames of the video, numbered from 0. The randomness of training comes from torch's
generator: from the global one, which Lightning seeds and every worker has its own of, unless one is given.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import torch


@dataclass(frozen=True)
class Sampling(ABC):
    """A way to choose the T = `num_frames` frames of a clip from a video of F = `length` frames.

    Raises ValueError if the clip would have no frame; its methods, if the video is too short.
    """

    num_frames: int

    def __post_init__(self) -> None:
        if self.num_frames < 1:
            raise ValueError(f"a clip needs at least 1 frame; {self.num_frames} asked for")

    @abstractmethod
    def train(self, length: int, generator: torch.Generator | None = None) -> list[int]:
        """T frames for training."""

    @abstractmethod
    def test(self, length: int, clips: int = 1) -> list[list[int]]:
        """T frames for each of `clips` clips, the same every time."""


class Segment(Sampling):
    """One frame from each of T equal parts of the video: a random one in training, the middle one in testing.

    Several clips take frames evenly spread round each segment, beginning at its middle. With two these are
    the middle and the first frame (the last, in a segment of an even number of frames), as in TSM's "twice
    sample" up to rounding; no two clips share a frame as long as segments have no fewer frames than there are
    clips. A video of fewer than T frames is refused. Source: Temporal Segment Networks (Wang et al., ECCV
    2016), section 3.1.
    """

    def train(self, length: int, generator: torch.Generator | None = None) -> list[int]:
        return random_frames(length, self.num_frames, generator)

    def test(self, length: int, clips: int = 1) -> list[list[int]]:
        bounds = segment_bounds(length, self.num_frames)
        return [[_round_segment(*segment, c, clips) for segment in bounds] for c in range(clips)]


@dataclass(frozen=True)
class Dense(Sampling):
    """T frames `stride` apart: a window that begins anywhere in training, in the centre in testing.

    Several clips are windows evenly spread from the first frame to the last. A video shorter than the window
    is looped, frame i being frame i mod F, and every window of it begins at frame 0. Source: the public code
    of TSM (Lin et al., ICCV 2019; there with a stride of 64 / T and 10 clips), after I3D (Carreira and
    Zisserman, CVPR 2017), which loops short videos.

    Raises ValueError if `stride` is less than 1.
    """

    stride: int

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.stride < 1:
            raise ValueError(f"stride must be 1 or more; got {self.stride}")

    def train(self, length: int, generator: torch.Generator | None = None) -> list[int]:
        last = self._last_start(length)
        return self._window(length, int(torch.randint(last + 1, (), generator=generator)))

    def test(self, length: int, clips: int = 1) -> list[list[int]]:
        last = self._last_start(length)
        starts = [last // 2] if clips == 1 else [last * c // (clips - 1) for c in range(clips)]
        return [self._window(length, start) for start in starts]

    def _last_start(self, length: int) -> int:
        _check_length(length)
        return max(length - 1 - (self.num_frames - 1) * self.stride, 0)

    def _window(self, length: int, start: int) -> list[int]:
        return [(start + i * self.stride) % length for i in range(self.num_frames)]


class Uniform(Sampling):
    """T evenly spaced frames from the first of the video to its last, in training as in testing.

    Frame i of the clip is ⌊i (F − 1) / (T − 1)⌋, as in PyTorchVideo's `UniformTemporalSubsample`; one frame
    alone is the middle one. Of n clips, clip c takes every n-th of n · T such frames, from the c-th on. In a
    video of fewer frames some come repeatedly.
    """

    def train(self, length: int, generator: torch.Generator | None = None) -> list[int]:
        return self.test(length)[0]

    def test(self, length: int, clips: int = 1) -> list[list[int]]:
        spread = uniform_frames(length, clips * self.num_frames)
        return [spread[c::clips] for c in range(clips)]


def sampling_named(name: str, num_frames: int, stride: int) -> Sampling:
    """What is called segment, dense (the one with a `stride`) or uniform; ValueError for another name."""
    makers: dict[str, Callable[[], Sampling]] = {
        "segment": lambda: Segment(num_frames),
        "dense": lambda: Dense(num_frames, stride),
        "uniform": lambda: Uniform(num_frames),
    }
    if name not in makers:
        raise ValueError(f"sampling must be one of {', '.join(makers)}; got {name!r}")
    return makers[name]()


def segment_bounds(num_frames: int, num_segments: int) -> list[tuple[int, int]]:
    """Cut frames 0..F-1 into T segments, as (first, past the last); lengths differ by one at most.

    Raises:
        ValueError: T < 1, or F < T, so that a segment would be empty.
    """
    if num_segments < 1:
        raise ValueError(f"a clip needs at least 1 frame; {num_segments} asked for")
    if num_frames < num_segments:
        raise ValueError(f"has {num_frames} frames, fewer than the {num_segments} asked for")
    edges = [num_frames * i // num_segments for i in range(num_segments + 1)]
    return list(pairwise(edges))


def middle_frames(num_frames: int, num_segments: int) -> list[int]:
    """The middle frame of each segment (the earlier of two): T ascending indices, for testing."""
    return Segment(num_segments).test(num_frames)[0]


def random_frames(num_frames: int, num_segments: int, generator: torch.Generator | None = None) -> list[int]:
    """A random frame of each segment: T ascending indices, for training."""
    bounds = segment_bounds(num_frames, num_segments)
    where = torch.rand(num_segments, generator=generator, dtype=torch.float64).tolist()
    return [first + int(u * (end - first)) for u, (first, end) in zip(where, bounds, strict=True)]


def uniform_frames(num_frames: int, count: int) -> list[int]:
    """`count` evenly spaced frames of F, the first and the last among them; of one, the middle."""
    _check_length(num_frames)
    if count == 1:
        return [(num_frames - 1) // 2]
    return [i * (num_frames - 1) // (count - 1) for i in range(count)]


def _round_segment(first: int, end: int, clip: int, clips: int) -> int:
    """The frame that is clip / clips of the way round a segment from its middle (the earlier of two)."""
    size = end - first
    steps = -(-clip * size // clips)  # rounded up: half the way round an odd segment is its first frame
    return first + ((size - 1) // 2 + steps) % size


def _check_length(num_frames: int) -> None:
    if num_frames < 1:
        raise ValueError(f"has {num_frames} frames; at least 1 is needed")
