"""Mutated annotation files, each read through the data module of its format."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from experiments.fuzz.annotation_mutations import MUTATIONS
from experiments.fuzz.children import FAULT
from tests.data import published

from dyninf.data import (
    HMDB51,
    UCF101,
    Kinetics400,
    SomethingV1,
    SomethingV2,
    Synthetic,
    VideoDataModule,
    VideoError,
    VideoFolder,
)

SPLITS = ("train", "calibration", "test")
_LISTS = ("train_videofolder.txt", "val_videofolder.txt")
_SIZES = {"num_frames": 2, "batch_size": 2, "num_workers": 0, "resize": 40, "crop": 32}


@dataclass(frozen=True)
class Format:
    """A data set in one of its formats.

    make: writes it into a folder; module: reads it; files: those that are mutated; settings: of the module.
    """

    make: Callable[[Path], object]
    module: type[VideoDataModule]
    files: Sequence[str]
    settings: dict[str, Any] = field(default_factory=dict)


def _slowfast(root: Path) -> None:
    published.make_video_list(root, lists=("train.csv", "val.csv"), separator=",")
    (root / "classes.txt").write_text("air drumming\nzumba\n")


def _named(root: Path) -> None:
    published.make_video_list(root, lists=("train.txt", "test.txt"))
    for file in (root / "train.txt", root / "test.txt"):
        text = file.read_text().replace("mp4 0", "mp4 air drumming").replace("mp4 1", "mp4 zumba")
        file.write_text(text)


def _with_exclusions(root: Path) -> None:
    published.make_ucf101(root)
    lines = (root / "ucfTrainTestlist/trainlist01.txt").read_text().splitlines()
    names = [line.split()[0] for line in lines[:3]]
    (root / "exclude.txt").write_text("\n".join([names[0].removesuffix(".avi"), *names[1:]]) + "\n")


_DRAWN = {"train_clips": 2, "calibration_clips": 1, "test_clips": 1}


def _drawn(root: Path) -> None:
    Synthetic(root, **_DRAWN).prepare_data()


FORMATS = {
    "Kinetics CSV": Format(published.make_kinetics400, Kinetics400, ["train.csv", "val.csv"]),
    "MMAction2 list": Format(
        published.make_video_list,
        Kinetics400,
        ["kinetics400_train_list_videos.txt", "kinetics400_val_list_videos.txt"],
    ),
    "SlowFast list": Format(_slowfast, Kinetics400, ["train.csv", "val.csv", "classes.txt"]),
    "TSM list of frames": Format(
        published.make_frame_list,
        SomethingV2,
        [*_LISTS, "category.txt"],
        {"train_list": _LISTS[0], "test_list": _LISTS[1]},
    ),
    "UCF-101 lists": Format(
        published.make_ucf101,
        UCF101,
        [f"ucfTrainTestlist/{name}.txt" for name in ("classInd", "trainlist01", "testlist01")],
    ),
    "HMDB-51 lists": Format(
        published.make_hmdb51,
        HMDB51,
        [f"testTrainMulti_7030_splits/{name}_test_split1.txt" for name in ("brush_hair", "wave")],
    ),
    "Something-Something v1 CSV": Format(
        published.make_something_v1,
        SomethingV1,
        [f"something-something-v1-{name}.csv" for name in ("labels", "train", "validation")],
    ),
    "Something-Something v2 JSON": Format(
        published.make_something_v2, SomethingV2, ["labels.json", "train.json", "validation.json"]
    ),
    "own lists of named classes": Format(
        _named, VideoFolder, ["train.txt", "test.txt"], {"train_list": "train.txt", "test_list": "test.txt"}
    ),
    "videos to do without": Format(_with_exclusions, UCF101, ["exclude.txt"], {"exclude": "exclude.txt"}),
    "manifest of a drawn data set": Format(
        _drawn, Synthetic, [f"{Synthetic('', **_DRAWN).folder.name}/manifest.csv"], _DRAWN
    ),
}


class Annotations:
    """The cases: number by number another mutation, format and file, all of them from the seed."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed

    def mutation(self, number: int) -> str:
        return list(MUTATIONS)[number % len(MUTATIONS)]

    def source(self, number: int) -> str:
        return list(FORMATS)[number // len(MUTATIONS) % len(FORMATS)]

    def file(self, number: int) -> str:
        files = FORMATS[self.source(number)].files
        return files[number // len(MUTATIONS) // len(FORMATS) % len(files)]

    def mutated(self, number: int, data: bytes) -> bytes:
        return MUTATIONS[self.mutation(number)](data, np.random.default_rng([self._seed, number]))

    def __call__(self, folder: Path) -> Reading:
        """What a child does."""
        return Reading(self, folder)


@dataclass(frozen=True, eq=False)
class Listed:
    """What a module says of its data set. first: the error of the first clip, None for a clip."""

    classes: tuple[str, ...]
    videos: dict[str, list[tuple[str, int, str, int | None]]]
    fingerprint: str
    first: VideoError | None

    def __eq__(self, other: object) -> bool:
        """An exception equals itself alone, so the first clip counts by whether it could be read."""
        if not isinstance(other, Listed):
            return NotImplemented
        mine, its = ((o.classes, o.videos, o.fingerprint, o.first is None) for o in (self, other))
        return mine == its


class Reading:
    """Writes the file of a case into a copy of the data set, reads it all, and judges what came of it."""

    def __init__(self, annotations: Annotations, folder: Path) -> None:
        self._annotations = annotations
        self._folder = folder
        self._original = cache(self._read_original)

    def read(self, number: int) -> Listed | ValueError | OSError:
        name = self._annotations.source(number)
        self._original(name)
        file = self._root(name) / self._annotations.file(number)
        before = file.read_bytes()
        file.write_bytes(self._annotations.mutated(number, before))
        try:
            return read_all(FORMATS[name], self._root(name))
        except (ValueError, FileNotFoundError) as error:
            return error
        finally:
            file.write_bytes(before)

    def judge(self, number: int, result: Listed | ValueError | OSError) -> tuple[str, str]:
        name = self._annotations.source(number)
        root = str(self._root(name))
        if isinstance(result, Listed):
            wrong = wrong_in(result, root)
            if wrong:
                return FAULT, wrong
            same = result == self._original(name)
            return ("read as before" if same else "read, the content as changed"), ""
        if type(result) not in (
            ValueError,
            FileNotFoundError,
            VideoError,
        ):  # UnicodeError is a ValueError too
            return FAULT, f"{type(result).__name__}: {str(result)[:200]}"
        return _judged(str(result), root)

    def _root(self, name: str) -> Path:
        return self._folder / str(list(FORMATS).index(name))

    def _read_original(self, name: str) -> Listed:
        FORMATS[name].make(self._root(name))
        return read_all(FORMATS[name], self._root(name))


def read_all(format: Format, root: Path) -> Listed:
    """All that a training asks of a module, up to its first clip.

    Raises:
        ValueError, FileNotFoundError: if they are clean.
    """
    module = format.module(root, **format.settings, **_SIZES)
    videos = {split: module.videos(split) for split in SPLITS}
    listed = {split: [(str(path), *rest) for path, *rest in videos[split]] for split in SPLITS}
    fingerprint = module.fingerprint("test")
    first = None
    try:
        module.dataset("train")[0]
    except VideoError as error:
        first = error
    return Listed(module.class_names, listed, fingerprint, first)


def wrong_in(listed: Listed, root: str) -> str:
    """What a list that was read must not be like; nothing if it is as it has to be."""
    ids = [video_id for split in ("train", "calibration") for _, _, video_id, _ in listed.videos[split]]
    labels = {label for split in SPLITS for _, label, _, _ in listed.videos[split]}
    if len(set(ids)) < len(ids):
        return "a video twice"
    if not labels <= set(range(len(listed.classes))):
        return f"labels {sorted(labels)} of {len(listed.classes)} classes"
    if not all(listed.classes) or len(set(listed.classes)) < len(listed.classes):
        return f"classes {listed.classes}"
    if listed.first is not None:  # the path may be as long as the list has it
        outcome, reason = _judged(str(listed.first), "", len(str(listed.first.path)))
        return reason if outcome == FAULT else ""
    return ""


def _judged(message: str, root: str, more: int = 0) -> tuple[str, str]:
    """Whether an error is one line that says where, and not longer than some lines of a terminal."""
    if root not in message or not message.isprintable() or len(message) > 600 + more:
        return FAULT, f"not one clear line: {message[:300]!r}"
    return "clean error", message.replace(root, "ROOT")
