"""Which frames of a video make a clip: T equal segments, one frame from each.

T segments (frames of the clip), F frames of the video. Source: Temporal Segment Networks
(Wang et al., ECCV 2016), section 3.1.
"""

from __future__ import annotations

from itertools import pairwise

import torch


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
    return [(first + end - 1) // 2 for first, end in segment_bounds(num_frames, num_segments)]


def random_frames(num_frames: int, num_segments: int, generator: torch.Generator | None = None) -> list[int]:
    """A random frame of each segment: T ascending indices, for training.

    Without a generator, torch's global one is used, which Lightning seeds and every worker has its own of.
    """
    bounds = segment_bounds(num_frames, num_segments)
    where = torch.rand(num_segments, generator=generator, dtype=torch.float64).tolist()
    return [first + int(u * (end - first)) for u, (first, end) in zip(where, bounds, strict=True)]
