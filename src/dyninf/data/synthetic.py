"""The embedded data set: drawn and encoded on first use, nothing to download."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from dyninf.data import synthetic_files
from dyninf.data.datamodule import VideoDataModule
from dyninf.data.synthetic_recipe import ACTS, CLASS_NAMES
from dyninf.data.transforms import IMAGENET_MEAN, IMAGENET_STD
from dyninf.data.video_dataset import Video


class Synthetic(VideoDataModule):
    """Short clips of a shape that sways (6 scene classes) or a figure that acts (6 temporal ones).

    Temporal classes come in pairs (`pairs`) that differ in the order of frames only. Clips are 32 frames
    of 80 x 72 pixels in H.264 mp4 files; every second one is easy, the others get gradually harder, as
    `manifest.csv` in `folder` says. Splits share no seed, hue or background.

    Args, besides the base's:
        train_clips, calibration_clips, test_clips: clips of each class.
        seed: of everything drawn; other seeds, or numbers of clips, lie in other folders below `root`.

    Raises:
        ValueError: an argument is out of its range.
    """

    name = "synthetic"
    class_names = CLASS_NAMES
    pairs = tuple((CLASS_NAMES.index(a), CLASS_NAMES.index(b)) for a, b in ACTS)
    temporal_classes = frozenset(label for pair in pairs for label in pair)

    def __init__(
        self,
        root: str | Path,
        num_frames: int = 8,
        batch_size: int = 32,
        num_workers: int = 2,
        resize: int = 72,
        crop: int = 64,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        train_clips: int = 150,
        calibration_clips: int = 50,
        test_clips: int = 50,
        seed: int = 0,
    ) -> None:
        # No flip: it would turn walking right into walking left.
        super().__init__(root, num_frames, batch_size, num_workers, resize, crop, False, mean, std)
        counts = (train_clips, calibration_clips, test_clips)
        if min(counts) < 1:
            raise ValueError(f"train_clips, calibration_clips and test_clips must be 1 or more; got {counts}")
        if seed < 0:
            raise ValueError(f"the data set's seed must be 0 or larger; got {seed}")
        self._order = synthetic_files.Order(seed, tuple(zip(self.splits, counts, strict=True)))

    @property
    def folder(self) -> Path:
        """Where this data set's files, `manifest.csv` and `classes.txt` lie once they are made."""
        return self.root / self._order.folder_name

    def prepare_data(self) -> None:
        synthetic_files.make(self._order, self.root)

    def videos(self, split: str) -> list[Video]:
        """The split's files; made now, should they not be there yet."""
        self.check_split(split)
        self.prepare_data()
        with (self.folder / "manifest.csv").open(newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["split"] == split]
        return [Video(self.folder / row["path"], int(row["label"]), row["video_id"]) for row in rows]
