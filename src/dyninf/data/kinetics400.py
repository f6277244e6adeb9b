"""Kinetics-400 (Kay et al., 2017): about 240,000 training and 20,000 validation clips of 400 actions."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path

from dyninf.data.annotations import Place, find, lines, needed, no_file, shown, text_of
from dyninf.data.published import PublishedDataModule, PublishedSizes
from dyninf.data.video_dataset import ENDINGS, Video

PREFIXES = ("", "kinetics400_", "kinetics-400_", "kinetics_400_", "kinetics_")
TRAIN, TEST = ("train",), ("val", "validate", "validation")
LISTS = [  # of MMAction2 and of TSM, for training and for validation
    (["kinetics400_train_list_videos.txt"], ["kinetics400_val_list_videos.txt"]),
    (["kinetics400_train_list_rawframes.txt"], ["kinetics400_val_list_rawframes.txt"]),
    (["train_videofolder.txt"], ["val_videofolder.txt"]),
]
COLUMNS = ("label", "youtube_id", "time_start", "time_end")


class Kinetics400(PublishedDataModule):
    """train.csv and val.csv (or validate.csv, with or without kinetics400_ in front), tested on the latter.

    They are the published ones (`COLUMNS`, classes in alphabetical order), whose videos are found by name
    at most two folders below `root`: ID_000012_000022.mp4 or ID.mp4. Or they are lists without a header, as
    are the files of `LISTS`, which are taken where there is no CSV. Args and errors: the base's.
    """

    name = "kinetics400"
    published_sizes = PublishedSizes(306_245)

    def list_files(self) -> tuple[Path, Path] | None:
        given, train = super().list_files(), find(self.root, _csv_files(TRAIN))
        if given or (train and not _is_list(train)):
            return given
        for train_names, test_names in [(_csv_files(TRAIN), _csv_files(TEST)), *LISTS]:
            if train := find(self.root, train_names):
                return train, needed(self.root, "list of the validation videos", test_names)
        return None

    def published_classes(self) -> list[str]:
        return sorted({row["label"] for _, row in self._rows("training", TRAIN)})

    def published_train(self) -> list[Video]:
        return self._read("training", TRAIN)

    def published_test(self) -> list[Video]:
        return self._read("validation", TEST)

    def _rows(self, kind: str, names: Sequence[str]) -> Iterator[tuple[Place, dict[str, str]]]:
        file = find(self.root, _csv_files(names))
        if file is None or _is_list(file):
            usual = [f"{name}.csv" for name in names]
            raise FileNotFoundError(no_file(self.root, f"list of the {kind} videos", usual))
        header: list[str] = []
        for place, line in lines(file):
            try:
                values = next(
                    csv.reader([line])
                )  # line by line: a quote without its end spoils no other line
            except csv.Error as error:
                raise place.error(f"is not CSV: {error}") from None
            row = dict(zip(header, values, strict=False))
            if not header:
                header = values
                if missing := [column for column in COLUMNS if column not in header]:
                    raise place.error(f"the header lacks {', '.join(missing)}")
            elif all(row.get(column) for column in COLUMNS):
                yield place, row
            else:
                raise place.error(f"expected {','.join(header)}; got {shown(line)}")

    def _read(self, kind: str, names: Sequence[str]) -> list[Video]:
        videos = []
        for place, row in self._rows(kind, names):
            try:
                start, end = int(row["time_start"]), int(row["time_end"])
            except ValueError:
                times = f"{shown(row['time_start'])} and {shown(row['time_end'])}"
                raise place.error(f"times have to be whole seconds; got {times}") from None
            video_id = f"{row['youtube_id']}_{start:06d}_{end:06d}"
            usual = self.root / names[0] / row["label"] / f"{video_id}.mp4"
            path = self._files.get(video_id) or self._files.get(row["youtube_id"], usual)
            self.fence.check_listed(path, place)
            videos.append(Video(path, self.label_of(row["label"], place), video_id))
        return videos

    @cached_property
    def _files(self) -> dict[str, Path]:
        """Every video by its name without the ending; a listing a folder, and no question about a file."""
        return {path.stem: path for path in reversed(list(_video_files(self.root, depth=2)))}


def _csv_files(names: Sequence[str]) -> list[str]:
    return [f"{prefix}{name}.csv" for prefix in PREFIXES for name in names]


def _is_list(file: Path) -> bool:
    # The first line of a list ends in a label; a header does not.
    return text_of(file).lstrip().partition("\n")[0].rstrip()[-1:].isdigit()


def _video_files(folder: Path, depth: int) -> Iterator[Path]:
    with os.scandir(folder) as found:
        entries = sorted(found, key=lambda entry: entry.name)
    yield from (Path(e.path) for e in entries if os.path.splitext(e.name)[1].lower() in ENDINGS)
    if depth:
        for entry in entries:
            if entry.is_dir():
                yield from _video_files(Path(entry.path), depth - 1)
