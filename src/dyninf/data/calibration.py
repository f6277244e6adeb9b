"""Holding out a part of the training videos, to choose thresholds on."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from dyninf.data.video_dataset import Video


def hold_out(
    videos: Sequence[Video], share: float, seed: int, source_of: Callable[[str], str] = str
) -> tuple[list[Video], list[Video]]:
    """Part training videos into those that stay and those held out, both in the order given.

    Of the n videos of a class, round(share · n) are held out, at least 1 and at most n - 1; which ones
    depends on the seed and on the ids, and on nothing else. Videos of one source are never parted, whatever
    their classes: with sources of several videos fewer may be held out, and a class that would have none
    gives the smallest source that leaves every class a video to train on, if there is one.

    Args:
        source_of: from a video's id to what it was cut from; each its own when left out.
    """
    sources: dict[str, Counter[int]] = defaultdict(Counter)
    for video in videos:
        sources[source_of(video.video_id)][video.label] += 1
    held = _chosen(sources, share, seed)
    sides: tuple[list[Video], list[Video]] = [], []
    for video in videos:
        sides[source_of(video.video_id) in held].append(video)
    return sides


def _chosen(sources: Mapping[str, Counter[int]], share: float, seed: int) -> set[str]:
    """The sources that are held out, of each source's number of videos by class."""
    shuffled = sorted(sources, key=lambda source: hashlib.sha256(f"{seed}\t{source}".encode()).digest())
    number: Counter[int] = Counter()
    for labels in sources.values():
        number.update(labels)
    wanted = {label: min(max(round(share * n), 1), n - 1) for label, n in number.items()}
    most = {label: n - 1 for label, n in number.items()}
    held: set[str] = set()
    count: Counter[int] = Counter()

    def fits(source: str, limit: Mapping[int, int]) -> bool:
        return all(count[label] + n <= limit[label] for label, n in sources[source].items())

    for source in shuffled:
        if fits(source, wanted):
            held.add(source)
            count.update(sources[source])
    for label in sorted(number):
        if count[label]:
            continue
        fitting = [source for source in shuffled if label in sources[source] and fits(source, most)]
        if fitting:
            smallest = min(fitting, key=lambda source: sources[source].total())
            held.add(smallest)
            count.update(sources[smallest])
    return held
