"""What the tests of data have in common, most of it about the published data sets."""

import os
from pathlib import Path

import pytest
from tests.data.published import Made

from dyninf.data import HMDB51, UCF101, Kinetics400, PublishedDataModule, SomethingV1, SomethingV2

SMALL = {"num_frames": 4, "batch_size": 2, "num_workers": 0, "resize": 40, "crop": 32}
LISTS = {"train_list": "train_videofolder.txt", "test_list": "val_videofolder.txt"}
MODULES = [Kinetics400, UCF101, HMDB51, SomethingV1, SomethingV2]


def labels_of(module: PublishedDataModule, *splits: str) -> dict[str, int]:
    return {video.video_id: video.label for split in splits for video in module.videos(split)}


def assert_lists(module: PublishedDataModule, made: Made) -> None:
    """The module has the classes, ids and labels that were made, and a batch of every split can be read."""
    assert module.class_names == made.classes
    assert labels_of(module, "test") == made.test
    assert labels_of(module, "train", "calibration") == made.train
    train, calibration = (labels_of(module, split) for split in ("train", "calibration"))
    assert not train.keys() & calibration.keys()
    assert set(train.values()) == set(calibration.values()) == set(range(len(made.classes)))
    for loader in (module.train_dataloader(), module.val_dataloader(), module.test_dataloader()):
        batch = next(iter(loader))
        assert batch.video.shape == (2, 4, 3, 32, 32)
        assert batch.label.shape == (2,)
    read = {i: int(n) for b in module.test_dataloader() for i, n in zip(b.video_id, b.label, strict=True)}
    assert read == made.test


def the_error(module: PublishedDataModule, split: str = "train") -> str:
    """The one line that asking for the classes and a split ends with."""
    with pytest.raises((ValueError, FileNotFoundError)) as caught:
        module.videos(split)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def append(file: Path, line: str) -> int:
    """Add a line to a file; its number."""
    with file.open("a") as opened:
        opened.write(f"{line}\n")
    return len(file.read_text().splitlines())


def is_open(path: Path) -> bool:
    """Whether this process has the file open; asks /proc, so on Linux only."""
    links = Path("/proc/self/fd")
    return any(os.path.samefile(path, link) for link in links.iterdir() if link.exists())
