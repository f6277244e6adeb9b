"""Your own videos: a folder a split, in it a folder a class."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from dyninf.data.datamodule import VideoDataModule
from dyninf.data.video_dataset import ENDINGS, Video


class VideoFolder(VideoDataModule):
    """``ROOT/{train,calibration,test}/CLASS/*.mp4`` (or another ending of `ENDINGS`).

    The folders below ``train`` are the classes. Args and errors: the base's, and

    Raises:
        FileNotFoundError: a split's folder is missing, or has no video.
        ValueError: a split has a class that ``train`` lacks.
    """

    name = "video_folder"

    @cached_property
    def class_names(self) -> tuple[str, ...]:  # type: ignore[override]
        return tuple(sorted(path.name for path in self._split_folder("train").iterdir() if path.is_dir()))

    def all_videos(self, split: str) -> list[Video]:
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
                f"no folder {folder}; needed are {', '.join(str(self.root / s) for s in self.splits)}"
            )
        return folder
