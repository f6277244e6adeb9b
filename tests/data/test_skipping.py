"""Videos that cannot be read are left out by the loaders, and each is named."""

import csv
import shutil
from pathlib import Path

import pytest
import torch
from torch.utils.data.distributed import DistributedSampler

from dyninf.data import Skipped, SkippedVideos, SkippingLoader, VideoError, VideoFolder
from dyninf.data.skipping import SkippingDataset

SMALL = {"num_frames": 4, "resize": 48, "crop": 48, "flip": False}


@pytest.fixture
def root(numbered_video, tmp_path: Path) -> Path:
    """40 training, 20 calibration and 20 test videos of two classes."""
    good = numbered_video(8)
    for split, count in (("train", 20), ("calibration", 10), ("test", 10)):
        for name in ("a", "b"):
            (tmp_path / "root" / split / name).mkdir(parents=True)
            for number in range(count):
                shutil.copy(good, tmp_path / "root" / split / name / f"{number:02d}.mp4")
    return tmp_path / "root"


def spoil(root: Path, *ids: str) -> None:
    for video_id in ids:
        (root / video_id).write_text("no video\n")


def rows_of(file: Path) -> list[dict[str, str]]:
    with file.open(newline="") as opened:
        return list(csv.DictReader(opened))


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_bad_video_is_left_out_of_its_batch_and_none_takes_its_place(root, num_workers):
    spoil(root, "test/a/01.mp4")
    module = VideoFolder(root, batch_size=4, num_workers=num_workers, on_error="skip", **SMALL)
    batches = list(module.dataloader("test"))
    assert [len(batch.label) for batch in batches] == [3, 4, 4, 4, 4]
    assert all(batch.video.shape == (len(batch.label), 4, 3, 48, 48) for batch in batches)
    ids = [video.video_id for video in module.videos("test")]
    assert [i for batch in batches for i in batch.video_id] == [i for i in ids if i != "test/a/01.mp4"]
    [skipped] = module.skipped.of("test").values()
    assert skipped.video_id == "test/a/01.mp4"
    assert skipped.path == root / "test/a/01.mp4"
    assert skipped.reason.startswith("cannot be opened: not a video")


@pytest.mark.parametrize("num_workers", [0, 2])
def test_a_batch_that_nothing_is_left_of_is_passed_over_and_none_in_training(root, num_workers):
    spoil(root, "test/a/00.mp4", "train/b/03.mp4")
    module = VideoFolder(root, batch_size=1, num_workers=num_workers, on_error="skip", **SMALL)
    assert len(list(module.dataloader("test"))) == 19
    loader = module.train_dataloader()
    batches = list(loader)
    assert len(batches) == len(loader) == 40
    assert sum(batch is None for batch in batches) == 1


def test_a_video_that_fails_again_is_counted_and_named_once(root, tmp_path):
    spoil(root, "train/a/00.mp4", "test/b/09.mp4")
    module = VideoFolder(root, batch_size=8, num_workers=2, on_error="skip", **SMALL)
    loader = module.train_dataloader()
    assert [sum(len(batch.label) for batch in loader) for _ in range(2)] == [39, 39]
    module.keep_skipped(tmp_path)
    for _ in range(2):
        assert sum(len(batch.label) for batch in module.dataloader("test")) == 19
        rows = rows_of(tmp_path / "skipped.csv")
        assert [(row["video_id"], row["split"]) for row in rows] == [
            ("train/a/00.mp4", "train"),
            ("test/b/09.mp4", "test"),
        ]
    assert rows[0]["path"] == str(root / "train/a/00.mp4")
    assert "not a video" in rows[0]["reason"]


def test_a_video_that_failed_once_is_in_no_later_pass_even_if_it_could_be_read_by_then(root):
    path = root / "test/a/00.mp4"
    good = path.read_bytes()
    spoil(root, "test/a/00.mp4")
    module = VideoFolder(root, num_workers=0, on_error="skip", **SMALL)
    first = [i for batch in module.dataloader("test") for i in batch.video_id]
    path.write_bytes(good)
    assert [i for batch in module.dataloader("test") for i in batch.video_id] == first
    assert len(first) == 19


@pytest.mark.parametrize("num_workers", [0, 2])
def test_more_than_one_in_twenty_ends_with_one_line(root, num_workers):
    spoil(root, "test/a/01.mp4", "test/a/07.mp4")
    module = VideoFolder(root, batch_size=4, num_workers=num_workers, on_error="skip", **SMALL)
    with pytest.raises(ValueError, match="2 of the 20 videos of video_folder/test cannot be read") as caught:
        list(module.dataloader("test"))
    assert f"the last: {root / 'test/a/07.mp4'}: cannot be opened" in str(caught.value)
    assert "dataset.exclude" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_share_is_one_of_the_split_and_not_of_what_was_read_so_far():
    record = SkippedVideos("some")
    record.sizes |= {"train": 100, "test": 10}
    record.add("train", [Skipped(str(n), Path(f"{n}.mp4"), "gone") for n in range(5)])
    record.add("train", [Skipped("4", Path("4.mp4"), "gone")])
    with pytest.raises(ValueError, match="6 of the 100 videos of some/train"):
        record.add("train", [Skipped("5", Path("5.mp4"), "gone")])
    with pytest.raises(ValueError, match="1 of the 10 videos of some/test"):
        record.add("test", [Skipped("0", Path("0.mp4"), "gone")])


def test_without_being_asked_to_skip_a_bad_video_ends_the_pass(root, tmp_path):
    spoil(root, "test/a/01.mp4")
    module = VideoFolder(root, num_workers=0, **SMALL)
    module.keep_skipped(tmp_path)
    with pytest.raises(VideoError, match=r"01\.mp4"):
        list(module.dataloader("test"))
    assert not (tmp_path / "skipped.csv").exists()


def test_an_unknown_policy_is_refused(tmp_path):
    with pytest.raises(ValueError, match="on_error must be 'raise' or 'skip'; got 'ignore'"):
        VideoFolder(tmp_path, on_error="ignore")


def share_of(root: Path, split: str, train: bool, processes: int) -> SkippingLoader:
    """What the first of several processes reads, in batches of one."""
    module = VideoFolder(root, on_error="skip", **SMALL)
    module.skipped.sizes[split] = len(module.videos(split))
    dataset = SkippingDataset(module.dataset(split))
    sampler = DistributedSampler(dataset, num_replicas=processes, rank=0, shuffle=False)
    return SkippingLoader(dataset, module.skipped, split, train, sampler=sampler, batch_size=1)


def test_one_process_of_several_does_not_train_on_fewer_batches_than_the_others(root):
    spoil(root, "train/a/02.mp4")
    with pytest.raises(ValueError, match=r"train/a/02.mp4; the other processes would wait for it"):
        list(share_of(root, "train", train=True, processes=2))


def test_one_process_of_several_tests_on_fewer_batches_but_not_on_none(root):
    spoil(root, "test/a/00.mp4")
    assert len(list(share_of(root, "test", train=False, processes=2))) == 9
    with pytest.raises(ValueError, match="no video of one process's share of test can be read"):
        list(share_of(root, "test", train=False, processes=20))


def test_the_clips_that_are_left_are_those_of_a_loader_that_skips_nothing(root):
    skipping, raising = (VideoFolder(root, num_workers=0, on_error=e, **SMALL) for e in ("skip", "raise"))
    for a, b in zip(skipping.dataloader("test"), raising.dataloader("test"), strict=True):
        assert torch.equal(a.video, b.video)
        assert torch.equal(a.label, b.label)
        assert a.video_id == b.video_id
