"""The base of published data sets, which have lists for training and testing but none for calibration."""

from __future__ import annotations

from abc import abstractmethod
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from dyninf.data.annotations import Place, lines, no_file, shown
from dyninf.data.calibration import hold_out
from dyninf.data.datamodule import VideoDataModule
from dyninf.data.fence import Fence
from dyninf.data.video_dataset import Video
from dyninf.data.video_list import Entry, class_file_of, classes_in_paths, read_list, videos_of


class PublishedSizes(NamedTuple):
    """Videos of a data set as published.

    all: those in no list that is read here too, such as an unlabelled test split;
    train, test: of the lists for training, of which calibration is held out, and for testing; None if unsure.
    """

    all: int
    train: int | None = None
    test: int | None = None


class PublishedDataModule(VideoDataModule):
    """A data set as published, its calibration split carved from its training videos.

    A subclass reads the published files: `published_classes`, `published_train`, `published_test` and, if
    there are calibration videos, `published_calibration`. With `train_list` and `test_list` two list files
    are read instead (`video_list`). `published_sizes` says how many videos a complete copy has, if that is
    known.

    Args, besides the base's (`settings`):
        train_list, test_list: lists of "path label" or "folder frames label", relative to `root`.
        calibration_share: of each class's training videos, those that are held out (`hold_out`).
        calibration_seed: of which ones.
        also_from: folders besides `root` that videos may lie in, where lists or links lead there (`Fence`).

    Raises:
        ValueError: an argument is out of its range. Later, of an annotation file: a malformed line, an
            unknown class, a video listed twice, or one that lies elsewhere. A file that is itself a link to
            elsewhere is a VideoError when it is read.
        FileNotFoundError: later, an annotation file is missing. A missing video is named when it is read.
    """

    published_sizes: PublishedSizes | None = None
    fence: Fence

    def __init__(
        self,
        root: str | Path,
        train_list: str | Path | None = None,
        test_list: str | Path | None = None,
        calibration_share: float = 0.1,
        calibration_seed: int = 0,
        also_from: Sequence[str | Path] = (),
        **settings: Any,
    ) -> None:
        if not 0 < calibration_share < 1:
            raise ValueError(f"calibration_share must be between 0 and 1; got {calibration_share}")
        if (train_list is None) != (test_list is None):
            raise ValueError(f"give both train_list and test_list; got {train_list} and {test_list}")
        if isinstance(also_from, str) or not all(isinstance(folder, (str, Path)) for folder in also_from):
            raise ValueError(f"also_from must be a list of folders; got {also_from!r}")
        super().__init__(root, **settings)
        self.fence = Fence(self.root, also_from)
        self.train_list = train_list
        self.test_list = test_list
        self.calibration_share = calibration_share
        self.calibration_seed = calibration_seed

    @abstractmethod
    def published_classes(self) -> list[str]:
        """Names of the classes in the published order."""

    @abstractmethod
    def published_train(self) -> list[Video]:
        """The published training videos, of which some are then held out."""

    @abstractmethod
    def published_test(self) -> list[Video]:
        """The videos that published results are of."""

    def published_calibration(self) -> list[Video] | None:
        """The calibration videos; None where they are to be held out of training."""
        return None

    def list_files(self) -> tuple[Path, Path] | None:
        """The lists for training and testing that are read instead of the published files, if any."""
        if self.train_list is None or self.test_list is None:
            return None
        return self.root / self.train_list, self.root / self.test_list

    def check_fold(self, fold: int) -> int:
        """`fold`; ValueError if it is not 1, 2 or 3, or not 1 although no published lists are read."""
        if fold not in (1, 2, 3):
            raise ValueError(f"fold must be 1, 2 or 3; got {fold}")
        if fold != 1 and self.train_list is not None:
            raise ValueError(
                f"fold={fold} names published lists, but train_list={self.train_list} and "
                f"test_list={self.test_list} are read instead; leave out one or the other"
            )
        return fold

    def source_of(self, video_id: str) -> str:
        """What a video was cut from, as far as its id says; calibration shares none with training."""
        return video_id

    @cached_property
    def class_names(self) -> tuple[str, ...]:  # type: ignore[override]
        lists = self.list_files()
        names = self.published_classes() if lists is None else self._listed_classes(lists[0])
        if twice := sorted(name for name, times in Counter(names).items() if times > 1):
            raise ValueError(
                f"{self.name} at {self.root} names a class twice: {', '.join(map(shown, twice[:5]))}"
            )
        if not all(names):
            raise ValueError(f"{self.name} at {self.root} has a class without a name")
        return tuple(names)

    def label_of(self, class_name: str, place: Place) -> int:
        """A class's number; ValueError that says where the name was read, if there is no such class."""
        if class_name not in self._labels:
            raise place.error(f"no class {shown(class_name)} among the {self.num_classes} of {self.name}")
        return self._labels[class_name]

    def all_videos(self, split: str) -> list[Video]:
        return list(self._test if split == "test" else self._carved[split])

    @cached_property
    def _labels(self) -> dict[str, int]:
        return {name: label for label, name in enumerate(self.class_names)}

    @cached_property
    def _carved(self) -> dict[str, list[Video]]:
        lists = self.list_files()
        videos = self.published_train() if lists is None else self._listed(lists[0])
        self._check(videos, "training")
        if (given := self.published_calibration()) is not None:
            self._check(given, "calibration")
            if both := {video.video_id for video in given} & {video.video_id for video in videos}:
                raise ValueError(f"{self.name} at {self.root} lists {min(both)} for training and calibration")
            return {"train": videos, "calibration": given}
        train, calibration = hold_out(videos, self.calibration_share, self.calibration_seed, self.source_of)
        if not calibration:
            raise ValueError(f"{self.name} at {self.root} has no class with two training videos to part")
        return {"train": train, "calibration": calibration}

    @cached_property
    def _test(self) -> list[Video]:
        lists = self.list_files()
        videos = self.published_test() if lists is None else self._listed(lists[1])
        self._check(videos, "test")
        return videos

    def _check(self, videos: list[Video], kind: str) -> None:
        if not videos:
            raise ValueError(f"{self.name} at {self.root} lists no {kind} video")
        seen: set[str] = set()
        for video in videos:
            self.fence.check_listed(video.path)
            if video.video_id in seen:
                raise ValueError(
                    f"{self.name} at {self.root} lists the {kind} video {shown(video.video_id)} twice"
                )
            seen.add(video.video_id)

    def _listed(self, file: Path) -> list[Video]:
        videos = videos_of(entries := self._entries(self._there(file)), self.root, self.num_classes)
        for video, entry in zip(videos, entries, strict=True):
            self.fence.check_listed(video.path, entry.place)
        return videos

    def _entries(self, file: Path) -> list[Entry]:
        return read_list(file)

    def _listed_classes(self, file: Path) -> list[str]:
        class_file = class_file_of(self.root, self._there(file))
        if class_file is not None:
            return [line for _, line in lines(class_file)]
        return self._classes_without_file(file)

    def _classes_without_file(self, file: Path) -> list[str]:
        try:
            return self.published_classes()
        except FileNotFoundError:  # a list may be all there is
            return classes_in_paths(read_list(file))

    def _there(self, file: Path) -> Path:
        if not file.is_file():
            raise FileNotFoundError(no_file(file.parent, "list of videos", [file.name]))
        return file
