"""Batches of chosen videos, in place of all of a split in their order."""

from collections.abc import Iterable, Iterator, Sequence

from dyninf.data.video_dataset import Video


class ChosenBatches:
    """A sampler: lists of places in a split, as places in a dataset that may lack some of its videos.

    A list that no video is left of is passed over. `batches` is asked for one when a loader wants it.
    """

    def __init__(
        self, batches: Iterable[Sequence[int]], split: Sequence[Video], dataset: Sequence[Video]
    ) -> None:
        self._batches, self._split = batches, split
        self._place = {video.video_id: place for place, video in enumerate(dataset)}

    def __iter__(self) -> Iterator[list[int]]:
        for batch in self._batches:
            ids = (self._split[place].video_id for place in batch)
            if there := [self._place[video_id] for video_id in ids if video_id in self._place]:
                yield there
