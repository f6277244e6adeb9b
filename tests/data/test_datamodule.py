"""Loaders, clips and splits, on the small synthetic data set."""

import shutil
from pathlib import Path

import pytest
import torch
from pytorch_lightning import seed_everything

from dyninf.data import Clip, Segment, Synthetic, Video, VideoDataset, VideoError
from dyninf.data.transforms import ClipTransform


def test_loaders_give_clips_of_the_right_shapes(synthetic):
    for loader, clips in (
        (synthetic.train_dataloader(), 24),
        (synthetic.val_dataloader(), 12),
        (synthetic.test_dataloader(), 12),
    ):
        assert len(loader.dataset) == clips
        batch = next(iter(loader))
        assert isinstance(batch, Clip)
        assert batch.video.shape == (5, 8, 3, 64, 64)
        assert batch.video.dtype == torch.float32
        assert batch.label.shape == (5,)
        assert batch.label.dtype == torch.int64
        assert len(batch.video_id) == 5


def test_training_drops_a_last_small_batch_and_testing_keeps_it(synthetic):
    assert [len(batch.label) for batch in synthetic.train_dataloader()] == [5, 5, 5, 5]
    assert [len(batch.label) for batch in synthetic.test_dataloader()] == [5, 5, 2]


def test_a_lone_batch_is_not_dropped(synthetic):
    large = Synthetic(
        synthetic.root, batch_size=99, num_workers=0, train_clips=2, calibration_clips=1, test_clips=1
    )
    assert [len(batch.label) for batch in large.train_dataloader()] == [24]


@pytest.mark.parametrize("split", ["train", "calibration", "test"])
def test_recording_loaders_are_the_same_every_time(synthetic, split):
    first, second = (list(synthetic.dataloader(split)) for _ in range(2))
    ids = [video_id for batch in first for video_id in batch.video_id]
    assert ids == [video.video_id for video in synthetic.videos(split)]
    assert all(torch.equal(a.video, b.video) for a, b in zip(first, second, strict=True))


def training_epochs(module: Synthetic, epochs: int = 2) -> list[dict[str, torch.Tensor]]:
    """The clips of some epochs by their ids, as a run that starts from seed 3 sees them."""
    seed_everything(3, workers=True, verbose=False)
    loader = module.train_dataloader()
    return [
        {video_id: video for batch in loader for video_id, video in zip(batch[2], batch[0], strict=True)}
        for _ in range(epochs)
    ]


@pytest.mark.parametrize("num_workers", [0, 2])
def test_training_repeats_with_the_seed_and_differs_between_epochs(synthetic, num_workers):
    counts = {"train_clips": 2, "calibration_clips": 1, "test_clips": 1}
    module = Synthetic(synthetic.root, batch_size=6, num_workers=num_workers, **counts)
    (first, second), (again, _) = training_epochs(module), training_epochs(module)
    assert len(first) == 24
    assert all(torch.equal(first[video_id], again[video_id]) for video_id in first)
    assert sum(torch.equal(first[video_id], second[video_id]) for video_id in first) < 3


def test_an_unknown_split_names_those_there_are(synthetic):
    with pytest.raises(ValueError, match="synthetic has no split 'val'; it has train, calibration, test"):
        synthetic.dataloader("val")


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("num_frames", 0),
        ("batch_size", 0),
        ("num_workers", -1),
        ("crop", 99),
        ("seed", -1),
        ("test_clips", 0),
        ("clips_per_video", 0),
        ("crops_per_clip", 2),
        ("stride", 0),
        ("clips_per_video", 1.5),
        ("stride", "two"),
        ("num_frames", None),
        ("exclude", 3),
    ],
)
def test_an_argument_out_of_range_is_refused_by_name(tmp_path, argument, value):
    with pytest.raises(ValueError, match=rf"{argument}.*{value}"):
        Synthetic(tmp_path, **{argument: value})
    assert list(tmp_path.iterdir()) == []


def test_a_fingerprint_is_of_the_videos_wherever_they_lie(synthetic, monkeypatch, tmp_path):
    before = synthetic.fingerprint("test")
    assert len(before) == 12
    assert before != synthetic.fingerprint("train")
    moved = []
    for video in reversed(synthetic.videos("test")):
        path = shutil.copy(video.path, tmp_path / video.video_id.replace("/", "-"))
        moved.append(Video(Path(path), video.label, video.video_id))
    monkeypatch.setattr(synthetic, "videos", lambda split: moved)
    assert synthetic.fingerprint("test") == before
    with moved[0].path.open("ab") as file:
        file.write(b"more")
    longer = synthetic.fingerprint("test")
    assert longer != before
    moved[0] = moved[0]._replace(label=0)
    assert synthetic.fingerprint("test") not in (before, longer)


@pytest.mark.parametrize(
    "change",
    [
        {"crop": 48},
        {"num_frames": 4},
        {"mean": (0.5, 0.5, 0.5)},
        {"resize": 80},
        {"sampling": "uniform"},
        {"sampling": "dense", "stride": 3},
        {"clips_per_video": 2},
        {"crops_per_clip": 3},
    ],
)
def test_a_fingerprint_tells_how_clips_are_made_of_the_videos(synthetic, change):
    counts = {"train_clips": 2, "calibration_clips": 1, "test_clips": 1}
    other = Synthetic(synthetic.root, num_workers=0, **counts, **change)
    assert other.videos("test") == synthetic.videos("test")
    assert other.fingerprint("test") != synthetic.fingerprint("test")


def test_a_video_shorter_than_the_clip_is_named(numbered_video):
    path = numbered_video(5)
    dataset = VideoDataset([Video(path, 0, "short")], Segment(8), ClipTransform(48, 48))
    with pytest.raises(VideoError) as caught:
        dataset[0]
    assert str(caught.value) == f"{path}: has 5 frames, fewer than the 8 asked for"


def test_an_unknown_sampling_is_refused_with_those_there_are(tmp_path):
    with pytest.raises(ValueError, match="one of segment, dense, uniform; got 'middle'"):
        Synthetic(tmp_path, sampling="middle")


COUNTS = {"train_clips": 2, "calibration_clips": 1, "test_clips": 1}


def test_every_way_to_make_clips_has_a_fingerprint_of_its_own(synthetic):
    changes = [
        {},
        {"sampling": "uniform"},
        *({"sampling": "dense", "stride": stride} for stride in (2, 3)),
        *({"clips_per_video": clips, "crops_per_clip": crops} for clips, crops in ((2, 1), (1, 3), (2, 3))),
    ]
    found = [Synthetic(synthetic.root, **COUNTS, **change).fingerprint("test") for change in changes]
    assert len(set(found)) == len(changes)
    assert found[0] == synthetic.fingerprint("test")
    unused = Synthetic(synthetic.root, **COUNTS, stride=3)
    assert unused.fingerprint("test") == found[0]


def test_traces_of_before_there_were_views_keep_their_fingerprint(synthetic, monkeypatch):
    gone = [Video(Path("/gone") / name, label, name) for label, name in enumerate("ab")]
    monkeypatch.setattr(synthetic, "videos", lambda split: gone)
    assert synthetic.fingerprint("test") == "765994aa36be"


def test_views_are_for_testing_and_neither_for_training_nor_for_the_validation_in_it(synthetic):
    several = Synthetic(
        synthetic.root, batch_size=12, num_workers=0, **COUNTS, clips_per_video=2, crops_per_clip=3
    )
    assert next(iter(several.train_dataloader())).video.shape == (12, 8, 3, 64, 64)
    assert next(iter(several.val_dataloader())).video.shape == (12, 8, 3, 64, 64)
    for loader in (several.test_dataloader(), several.dataloader("calibration")):
        assert next(iter(loader)).video.shape == (2, 6, 8, 3, 64, 64)  # 2 videos: 12 clips, as in training


def test_the_views_of_a_video_are_its_clips_each_with_its_crops(synthetic):
    def first(**views):
        module = Synthetic(synthetic.root, num_workers=0, **COUNTS, sampling="uniform", **views)
        return module.dataset("test")[0].video

    both = first(clips_per_video=2, crops_per_clip=3)
    clips, crops, one = first(clips_per_video=2), first(crops_per_clip=3), first()
    assert torch.equal(both[[1, 4]], clips)
    assert not torch.equal(clips[0], clips[1])
    assert torch.equal(crops[1], one)
    assert one.ndim == 4


@pytest.mark.parametrize("sampling", ["dense", "uniform"])
def test_a_short_video_is_read_where_the_sampling_repeats_frames(numbered_video, synthetic, sampling):
    module = Synthetic(
        synthetic.root, num_frames=8, resize=48, crop=48, sampling=sampling, mean=(0,) * 3, std=(1,) * 3
    )
    video = Video(numbered_video(5), 0, "short")
    dataset = VideoDataset([video], module.sampling, module.test_transform)
    brightness = 255 * dataset[0].video.mean((1, 2, 3))
    expected = 20 + 6 * torch.tensor(module.sampling.test(5)[0])
    torch.testing.assert_close(brightness, expected.float(), atol=3, rtol=0)


def test_mirrored_crops_are_refused_where_direction_tells_the_class(tmp_path):
    with pytest.raises(ValueError, match="crops_per_clip must not be 10 for synthetic"):
        Synthetic(tmp_path, crops_per_clip=10)
