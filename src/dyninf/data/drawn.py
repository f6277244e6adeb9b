"""The base of data sets that are drawn and encoded on first use, so that there is nothing to download."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, ClassVar

from dyninf.data import drawn_files
from dyninf.data.annotations import shown
from dyninf.data.datamodule import VideoDataModule
from dyninf.data.drawn_files import Drawing, Order
from dyninf.data.video_dataset import Video
from dyninf.json_file import brief


class DrawnDataModule(VideoDataModule):
    """Clips that a subclass's `drawing` describes; all of a split's folder is made, or nothing.

    Some classes, `temporal_classes`, come in pairs (`pairs`) that differ in the order of frames only: clip
    i of one is clip i of the other played backwards. Clips are not mirrored in training.

    Args, besides the base's:
        train_clips, calibration_clips, test_clips: clips of each class.
        seed: of everything drawn; other seeds, or numbers of clips, lie in other folders below `root`.

    Raises:
        ValueError: an argument is out of its range.
    """

    drawing: ClassVar[Drawing]
    pairs: ClassVar[tuple[tuple[int, int], ...]]
    temporal_classes: ClassVar[frozenset[int]]

    may_flip = False

    def __init__(
        self,
        root: str | Path,
        train_clips: int = 150,
        calibration_clips: int = 50,
        test_clips: int = 50,
        seed: int = 0,
        **settings: Any,
    ) -> None:
        super().__init__(root, **settings)
        counts = (train_clips, calibration_clips, test_clips)
        if min(counts) < 1:
            raise ValueError(f"train_clips, calibration_clips and test_clips must be 1 or more; got {counts}")
        if seed < 0:
            raise ValueError(f"the data set's seed must be 0 or larger; got {seed}")
        self._order = Order(seed, tuple(zip(self.splits, counts, strict=True)), self.drawing)

    @property
    def folder(self) -> Path:
        """Where this data set's files, `manifest.csv` and `classes.txt` lie once they are made."""
        return self.root / self._order.folder_name

    def prepare_data(self) -> None:
        drawn_files.make(self._order, self.root)

    def all_videos(self, split: str) -> list[Video]:
        """The split's files; made now, should they not be there yet."""
        self.prepare_data()
        file = self.folder / "manifest.csv"
        try:
            with file.open(newline="", encoding="utf-8") as opened:
                rows = [row for row in csv.DictReader(opened) if row["split"] == split]
            if not rows:
                raise ValueError(f"it lists no video of {split}")
            if len({row["video_id"] for row in rows}) < len(rows):
                raise ValueError(f"it lists a video of {split} twice")
            return [self._video(row) for row in rows]
        except (ValueError, KeyError, TypeError, csv.Error) as error:
            raise ValueError(
                f"{file} is damaged: {brief(error)}; remove {self.folder}, and it is drawn again"
            ) from error

    def _video(self, row: dict[str, str]) -> Video:
        path, label = Path(row["path"]), int(row["label"])
        if path.is_absolute() or ".." in path.parts or not 0 <= label < self.num_classes:
            raise ValueError(f"{shown(row['path'])} is no video of it, or {label} none of its classes")
        return Video(self.folder / path, label, row["video_id"])
