"""Your own videos: a folder a split, in it a folder a class; or list files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dyninf.data.published import PublishedDataModule
from dyninf.data.video_dataset import ENDINGS, Video
from dyninf.data.video_list import Entry, classes_of, read_list


class VideoFolder(PublishedDataModule):
    """``ROOT/{train,calibration,test}/CLASS/*.mp4`` (or another ending of `ENDINGS`), or list files.

    The folders below ``train`` are the classes. In lists a label is a class's number or its name; the names
    are those in classes.txt or, without it, the labels of `train_list` in alphabetical order. Where there are
    no calibration videos, some are held out of training. Args and errors: the base's, and

    Args:
        calibration_list: of the calibration videos, as `train_list` of those to train on.

    Raises:
        FileNotFoundError: a split's folder or list is missing, or a folder has no video.
        ValueError: a split has a class that ``train`` lacks; a video is in train and in calibration.
    """

    name = "video_folder"

    def __init__(self, root: str | Path, calibration_list: str | Path | None = None, **settings: Any) -> None:
        super().__init__(root, **settings)
        if calibration_list is not None and self.train_list is None:
            raise ValueError(f"calibration_list={calibration_list} needs train_list and test_list beside it")
        self.calibration_list = calibration_list

    def published_classes(self) -> list[str]:
        return sorted(path.name for path in self._split_folder("train").iterdir() if path.is_dir())

    def published_train(self) -> list[Video]:
        return self._in_folder("train")

    def published_calibration(self) -> list[Video] | None:
        if self.calibration_list is not None:
            return self._listed(self.root / self.calibration_list)
        if self.train_list is None and (self.root / "calibration").is_dir():
            return self._in_folder("calibration")
        return None

    def published_test(self) -> list[Video]:
        return self._in_folder("test")

    def _entries(self, file: Path) -> list[Entry]:
        return read_list(file, self.class_names)

    def _classes_without_file(self, file: Path) -> list[str]:
        return classes_of(file)

    def _in_folder(self, split: str) -> list[Video]:
        folder = self._split_folder(split)
        unknown = {path.name for path in folder.iterdir() if path.is_dir()} - set(self.class_names)
        if unknown:
            raise ValueError(f"{folder} has classes that train lacks: {', '.join(sorted(unknown))}")
        found = [
            Video(path, label, path.relative_to(self.root).as_posix())
            for label, name in enumerate(self.class_names)
            for path in sorted((folder / name).glob("*"))
            if path.suffix.lower() in ENDINGS
        ]
        if not found:
            raise FileNotFoundError(
                f"no video in {folder}: put them into {folder}/CLASS/, ending in {', '.join(sorted(ENDINGS))}"
            )
        return found

    def _split_folder(self, split: str) -> Path:
        folder = self.root / split
        if not folder.is_dir():
            raise FileNotFoundError(
                f"no folder {folder}; needed are {self.root / 'train'} and {self.root / 'test'} "
                "(calibration beside them, or else it is held out of train), or train_list and test_list"
            )
        return folder
