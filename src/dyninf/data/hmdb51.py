"""HMDB-51 (Kuehne et al., ICCV 2011): 6,766 clips of 51 actions, three folds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from dyninf.data.annotations import folder_of, lines, needed, no_file, shown
from dyninf.data.published import PublishedDataModule, PublishedSizes
from dyninf.data.video_dataset import Video

LISTS = (".", "testTrainMulti_7030_splits", "splits")
VIDEOS = (".", "videos", "hmdb51_org")
TRAIN, TEST, UNUSED = "1", "2", "0"
# Body parts, camera motion, people, viewpoint, quality and number, as the data set's page explains them.
_PROPERTIES = re.compile(r"_[hulf]_(cm|nm)_np\d+_(ba|fr|le|ri)_(goo|med|bad)_\d+$")


class HMDB51(PublishedDataModule):
    """CLASS_test_splitF.txt in a folder of `LISTS`, CLASS/*.avi in one of `VIDEOS`.

    The classes are in alphabetical order. Args and errors: the base's, and fold: 1, 2 or 3, which published
    lists are read; 1 where `train_list` and `test_list` are read instead.
    """

    name = "hmdb51"
    published_sizes = PublishedSizes(6_766, 3_570, 1_530)  # 70 and 30 of each class in every fold

    def __init__(self, root: str | Path, fold: int = 1, **settings: Any) -> None:
        super().__init__(root, **settings)
        self.fold = self.check_fold(fold)

    def published_classes(self) -> list[str]:
        for folder in LISTS:
            found = (self.root / folder).glob("*_test_split[123].txt")
            if names := {re.sub(r"_test_split.\.txt$", "", path.name) for path in found}:
                return sorted(names)
        pattern = f"CLASS_test_split{self.fold}.txt"
        raise FileNotFoundError(no_file(self.root, "lists of the videos of a class", [pattern], LISTS))

    def published_train(self) -> list[Video]:
        return self._read(TRAIN)

    def published_test(self) -> list[Video]:
        return self._read(TEST)

    def source_of(self, video_id: str) -> str:
        # FILM_CLASS and the properties, in a folder CLASS; films have clips of several classes.
        *folders, clip = video_id.split("/")
        film = _PROPERTIES.sub("", clip)
        return film.removesuffix(f"_{folders[-1]}") if folders else film

    def _read(self, wanted: str) -> list[Video]:
        listed = []
        for label, name in enumerate(self.class_names):
            file = needed(
                self.root, f"list of the videos of {name}", [f"{name}_test_split{self.fold}.txt"], LISTS
            )
            for place, line in lines(file):
                match = re.fullmatch(rf"(\S.*\.avi)\s+([{TRAIN}{TEST}{UNUSED}])", line)
                if match is None:
                    raise place.error(
                        f'expected "VIDEO.avi" and 1 (train), 2 (test) or 0 (neither); got {shown(line)}'
                    )
                if match[2] == wanted:
                    listed.append((f"{name}/{match[1]}", label, place))
        folder = folder_of(self.root, [path for path, *_ in listed], VIDEOS)
        for path, _, place in listed:
            self.fence.check_listed(folder / path, place)
        return [Video(folder / path, label, path.removesuffix(".avi")) for path, label, _ in listed]
