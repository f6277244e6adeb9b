"""UCF-101 (Soomro et al., 2012): 13,320 clips of 101 actions, three folds."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from dyninf.data.annotations import folder_of, lines, needed, shown
from dyninf.data.published import PublishedDataModule, PublishedSizes
from dyninf.data.video_dataset import Video

LISTS = (".", "ucfTrainTestlist", "annotations")
VIDEOS = (".", "UCF-101", "videos")
ALL, TRAIN = 13_320, (9_537, 9_586, 9_624)  # videos in all, and in each fold's list for training


class UCF101(PublishedDataModule):
    """classInd.txt, trainlist0F.txt, testlist0F.txt in a folder of `LISTS`, CLASS/*.avi in one of `VIDEOS`.

    Args and errors: the base's, and fold: 1, 2 or 3, which published lists are read;
    1 where `train_list` and `test_list` are read instead.
    """

    name = "ucf101"
    published_sizes = PublishedSizes(ALL)

    def __init__(self, root: str | Path, fold: int = 1, **settings: Any) -> None:
        super().__init__(root, **settings)
        self.fold = self.check_fold(fold)
        train = TRAIN[self.fold - 1]
        self.published_sizes = PublishedSizes(ALL, train, ALL - train)

    def published_classes(self) -> list[str]:
        names: list[str] = []
        for place, line in lines(needed(self.root, "list of classes", ["classInd.txt"], LISTS)):
            number, _, name = line.partition(" ")
            if number != str(len(names) + 1) or not name:
                raise place.error(f'expected "{len(names) + 1} CLASS"; got {shown(line)}')
            names.append(name.strip())
        return names

    def published_train(self) -> list[Video]:
        return self._read("training", f"trainlist0{self.fold}.txt")

    def published_test(self) -> list[Video]:
        return self._read("test", f"testlist0{self.fold}.txt")

    def source_of(self, video_id: str) -> str:
        # The clips c01, c02 … of a group g01 are cut from one film and look alike.
        return re.sub(r"_c\d+$", "", video_id)

    def _read(self, kind: str, name: str) -> list[Video]:
        listed = []
        for place, line in lines(needed(self.root, f"list of the {kind} videos", [name], LISTS)):
            match = re.fullmatch(r"(([^/]+)/[^/]+\.avi)(?:\s+(\d+))?", line)
            if match is None or (match[3] is None) != (kind == "test"):
                expected = "CLASS/VIDEO.avi" if kind == "test" else "CLASS/VIDEO.avi NUMBER"
                raise place.error(f'expected "{expected}"; got {shown(line)}')
            label = self.label_of(match[2], place)
            if match[3] is not None and match[3].lstrip("0") != str(label + 1):
                here = shown(match[3])
                raise place.error(f"{match[2]} has the number {label + 1} in classInd.txt, {here} here")
            listed.append((match[1], label, place))
        folder = folder_of(self.root, [path for path, *_ in listed], VIDEOS)
        for path, _, place in listed:
            self.fence.check_listed(folder / path, place)
        return [Video(folder / path, label, path.removesuffix(".avi")) for path, label, _ in listed]
