"""The base of all data sets: say which videos a split has, and the rest is here."""

from __future__ import annotations

import hashlib
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import torch
from pytorch_lightning import LightningDataModule
from torch.utils.data import DataLoader

from dyninf.data.frame_source import frame_source
from dyninf.data.transforms import IMAGENET_MEAN, IMAGENET_STD, ClipTransform
from dyninf.data.video_dataset import Clip, Sampling, Video, VideoDataset


class VideoDataModule(LightningDataModule):
    """Clips of a labelled set of videos, in the splits train, calibration and test.

    A data set is a subclass that sets `name` and `class_names` and gives `videos(split)`. The calibration
    split serves as Lightning's validation split; thresholds are chosen on it.

    Args:
        root: folder of the data set.
        num_frames: T, frames of a clip.
        batch_size: clips of a batch.
        num_workers: decoding processes; 0 decodes in the training process.
        resize: short side in pixels before cropping.
        crop: side in pixels of the square that the network sees.
        flip: in training, mirror every second clip; refused where `may_flip` is false.
        mean, std: of each colour, for values between 0 and 1.

    Raises:
        ValueError: an argument is out of its range, or `flip` where it would change the class.
    """

    name: str
    class_names: tuple[str, ...]
    splits: tuple[str, ...] = ("train", "calibration", "test")
    may_flip: ClassVar[bool] = True

    def __init__(
        self,
        root: str | Path,
        num_frames: int = 8,
        batch_size: int = 32,
        num_workers: int = 2,
        resize: int = 256,
        crop: int = 224,
        flip: bool = False,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        super().__init__()
        for argument, value, least in (
            ("num_frames", num_frames, 1),
            ("batch_size", batch_size, 1),
            ("num_workers", num_workers, 0),
        ):
            if value < least:
                raise ValueError(f"{argument} must be {least} or more; got {value}")
        if flip and not self.may_flip:
            raise ValueError(f"flip must be false for {self.name}: its classes tell left from right")
        self.root = Path(root)
        self.num_frames = num_frames
        self.batch_size = batch_size
        self.num_workers = num_workers
        self.train_transform = ClipTransform(resize, crop, train=True, flip=flip, mean=mean, std=std)
        self.test_transform = ClipTransform(resize, crop, mean=mean, std=std)

    @property
    def num_classes(self) -> int:
        return len(self.class_names)

    @abstractmethod
    def videos(self, split: str) -> list[Video]:
        """The videos of a split, in an order that is always the same.

        Raises:
            ValueError: no such split (`check_split`).
        """

    def check_split(self, split: str) -> None:
        """Raise a ValueError that names the splits there are, where `split` is none of them."""
        if split not in self.splits:
            raise ValueError(f"{self.name} has no split {split!r}; it has {', '.join(self.splits)}")

    def dataset(self, split: str, sampling: Sampling = "middle") -> VideoDataset:
        """The split's clips: as in training with "random" sampling, always the same with "middle"."""
        transform = self.train_transform if sampling == "random" else self.test_transform
        return VideoDataset(self.videos(split), self.num_frames, sampling, transform)

    def dataloader(self, split: str) -> DataLoader[Clip]:
        """Any split as it is tested: middle frames, centre crop, in the order of `videos(split)`."""
        return self._loader(self.dataset(split), train=False)

    def train_dataloader(self) -> DataLoader[Clip]:
        return self._loader(self.dataset("train", "random"), train=True)

    def val_dataloader(self) -> DataLoader[Clip]:
        return self.dataloader("calibration")

    def test_dataloader(self) -> DataLoader[Clip]:
        return self.dataloader("test")

    def fingerprint(self, split: str) -> str:
        """12 hex digits over what a network gets to see of a split as `dataloader` gives it.

        That is each video's id, label and size (`FrameSource.size`), and how clips are made of them; the
        order of the videos and the folder they lie in do not count.
        """
        videos = self.videos(split)
        lines = sorted(f"{video.video_id}\t{video.label}\t{_size_of(video)}" for video in videos)
        reading = f"{self.num_frames} frames, {self.test_transform}"
        return hashlib.sha256("\n".join([reading, *lines]).encode(errors="surrogateescape")).hexdigest()[:12]

    def _loader(self, dataset: VideoDataset, train: bool) -> DataLoader[Clip]:
        return DataLoader(
            dataset,
            batch_size=self.batch_size,
            shuffle=train,
            # A last batch of one clip would upset batch normalisation; a lone batch has to stay.
            drop_last=train and len(dataset) > self.batch_size,
            num_workers=self.num_workers,
            persistent_workers=self.num_workers > 0,
            pin_memory=torch.cuda.is_available(),
        )


def _size_of(video: Video) -> str:
    size = frame_source(video.path).size()
    return size if video.frames is None else f"{size}, {video.frames} frames"
