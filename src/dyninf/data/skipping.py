"""Leaving out videos that cannot be read: no other takes their place, and each is named and counted.

They fail in the workers of a loader; the loader hands on what is left of a batch, and a record in the main
process keeps what failed.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch.distributed
from pytorch_lightning import Callback, LightningModule, Trainer
from torch.utils.data import DataLoader, Dataset
from torch.utils.data.distributed import DistributedSampler

from dyninf.atomic import atomic_file
from dyninf.data.training_order import Draw
from dyninf.data.video_dataset import Clip, VideoDataset, batch_of
from dyninf.data.video_error import VideoError

LARGEST_SHARE = 0.05
"""Of a split's videos, that may be left out; with more of them gone, figures are of another data set."""


class Skipped(NamedTuple):
    """A video that is left out, and why."""

    video_id: str
    path: Path
    reason: str


class SkippedVideos:
    """The videos that were left out of each split of a data set, each once however often it fails.

    Args:
        name: of the data set.

    Attributes:
        sizes: videos of each split; they have to be there before one of its videos is added.
    """

    def __init__(self, name: str) -> None:
        self.sizes: dict[str, int] = {}
        self._name = name
        self._found: dict[str, dict[str, Skipped]] = {}
        self._file: Path | None = None

    def of(self, split: str) -> Mapping[str, Skipped]:
        """Those left out of a split, by their ids."""
        return self._found.get(split, {})

    def keep_in(self, file: Path) -> None:
        """Write all to a CSV file, and those to come as soon as they are known."""
        with atomic_file(file) as new, new.open("w", newline="", encoding="utf-8") as opened:
            writer = csv.writer(opened)
            writer.writerow(["video_id", "path", "split", "reason"])
            writer.writerows(_row(split, one) for split in self._found for one in self.of(split).values())
        self._file = file

    def add(self, split: str, skipped: Iterable[Skipped]) -> None:
        """Record videos of a split.

        Raises:
            ValueError: more than `LARGEST_SHARE` of the split's videos have been left out.
        """
        found = self._found.setdefault(split, {})
        new = {one.video_id: one for one in skipped if one.video_id not in found}
        if not new:
            return
        found.update(new)
        if self._file is not None:
            with self._file.open("a", newline="", encoding="utf-8") as opened:
                csv.writer(opened).writerows(_row(split, one) for one in new.values())
        if len(found) > LARGEST_SHARE * self.sizes[split]:
            last = next(reversed(new.values()))
            raise ValueError(
                f"{len(found)} of the {self.sizes[split]} videos of {self._name}/{split} cannot be read, "
                f"more than the {LARGEST_SHARE:.0%} that on_error=skip leaves out; the last: {last.path}: "
                f"{last.reason}; python -m dyninf.check_data lists them all for dataset.exclude"
            )

    def state_dict(self) -> dict[str, list[tuple[str, str, str]]]:
        """The videos of each split as text, for a process that goes on."""
        return {
            split: [(one.video_id, str(one.path), one.reason) for one in found.values()]
            for split, found in self._found.items()
        }

    def load_state_dict(self, state_dict: Mapping[str, Iterable[Sequence[str]]]) -> None:
        """Take in what another process left out; it found that they are not too many."""
        for split, found in state_dict.items():
            known = self._found.setdefault(split, {})
            known |= {name: Skipped(name, Path(path), reason) for name, path, reason in found}
        if self._file is not None:
            self.keep_in(self._file)


def _row(split: str, one: Skipped) -> tuple[str, Path, str, str]:
    return one.video_id, one.path, split, one.reason


class SkippingDataset(Dataset["Clip | Skipped"]):
    """Clips of a data set, and what was wrong in place of those that there cannot be."""

    def __init__(self, clips: VideoDataset) -> None:
        self.clips = clips

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int | Draw) -> Clip | Skipped:
        try:
            return self.clips[index]
        except (VideoError, OSError) as error:  # OSError: a disk that fails, a file that is not ours to read
            video = self.clips.videos[index.clip if isinstance(index, Draw) else index]
            return Skipped(video.video_id, video.path, str(error).removeprefix(f"{video.path}: "))


class Gathered(NamedTuple):
    """A batch on its way out of a worker. clips: None where nothing is left."""

    clips: Clip | None
    skipped: list[Skipped]


def gather(items: Sequence[Clip | Skipped]) -> Gathered:
    """Collate the clips that there are."""
    clips = [item for item in items if isinstance(item, Clip)]
    skipped = [item for item in items if isinstance(item, Skipped)]
    return Gathered(batch_of(clips) if clips else None, skipped)


class SkippingLoader(DataLoader[Any]):
    """Batches of the clips that can be read, so that some are smaller; the others are recorded.

    A batch that nothing is left of is passed over. In training it is None: Lightning passes it over then, and
    still sees as many batches as it counts on, without which it would not validate after the epoch.

    Args:
        dataset, and options: as of any DataLoader.
        record: what was left out.
        split: whose clips these are.
        train: whether they are trained on.

    Raises:
        ValueError: too many are left out (`SkippedVideos`); or nothing is left for one process of several,
            of a batch in training or of its whole share in testing, so that the others would wait for it.
    """

    def __init__(
        self,
        dataset: SkippingDataset,
        record: SkippedVideos,
        split: str,
        train: bool,
        collate_fn: Any = gather,
        **options: Any,
    ) -> None:
        # Lightning makes the loader again with another sampler, and reads the arguments from attributes.
        self.record = record
        self.split = split
        self.train = train
        super().__init__(dataset, collate_fn=collate_fn, **options)

    def __iter__(self) -> Iterator[Clip | None]:  # type: ignore[override]
        return self._passed_on(super().__iter__())

    def _passed_on(self, batches: Iterator[Gathered]) -> Iterator[Clip | None]:
        is_share = isinstance(self.sampler, DistributedSampler) and self.sampler.num_replicas > 1
        is_empty = True
        for clips, skipped in batches:
            self.record.add(self.split, skipped)
            if clips is not None:
                is_empty = False
                yield clips
            elif self.train:
                if is_share:
                    raise ValueError(f"no video of a batch can be read: {self._together(skipped)}")
                yield None
        if is_share and is_empty:
            raise ValueError(
                f"no video of one process's share of {self.split} can be read: "
                f"{self._together(self.record.of(self.split).values())}"
            )

    def _together(self, skipped: Iterable[Skipped]) -> str:
        names = ", ".join(str(one.path) for one in skipped)
        return (
            f"{names}; the other processes would wait for it: take a larger batch or fewer processes, or "
            "leave these videos out with dataset.exclude"
        )


class ShareSkipped(Callback):
    """Tells every process of a training which videos the others left out, after each epoch."""

    def __init__(self, record: SkippedVideos) -> None:
        self.record = record

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._share(trainer)

    def on_validation_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._share(trainer)

    def _share(self, trainer: Trainer) -> None:
        if trainer.world_size == 1:
            return
        everyones: list[Any] = [None] * trainer.world_size
        torch.distributed.all_gather_object(everyones, self.record)
        for record in everyones:
            for split in record.sizes:
                self.record.add(split, record.of(split).values())
