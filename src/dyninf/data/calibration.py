"""Holding out a part of the training videos, to choose thresholds on."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Sequence

from dyninf.data.video_dataset import Video


def hold_out(
    videos: Sequence[Video], share: float, seed: int, source_of: Callable[[str], str] = str
) -> tuple[list[Video], list[Video]]:
    """Part training videos into those that stay and those held out, both in the order given.

    Of the n videos of a class, round(share · n) are held out, at least 1 and at most n - 1; which ones
    depends on the seed and on the ids of the class, and on nothing else. Videos of one source are never
    parted: with sources of several videos fewer may be held out, or the smallest source where every one
    is larger than the share. A class of one source stays.

    Args:
        source_of: from a video's id to what it was cut from; each its own when left out.
    """
    classes: dict[int, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for video in videos:
        classes[video.label][source_of(video.video_id)].append(video.video_id)
    held = {video_id for sources in classes.values() for video_id in _chosen(sources, share, seed)}
    return [v for v in videos if v.video_id not in held], [v for v in videos if v.video_id in held]


def _chosen(sources: dict[str, list[str]], share: float, seed: int) -> list[str]:
    """The ids of a class that are held out."""
    if len(sources) == 1:
        return []
    shuffled = sorted(sources, key=lambda source: hashlib.sha256(f"{seed}\t{source}".encode()).digest())
    number = sum(map(len, sources.values()))
    wanted = min(max(round(share * number), 1), number - 1)
    held: list[str] = []
    for source in shuffled:
        if len(held) + len(sources[source]) <= wanted:
            held += sources[source]
    return held or sources[min(shuffled, key=lambda source: len(sources[source]))]
