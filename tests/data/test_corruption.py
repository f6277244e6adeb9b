"""Test clips made worse: how, when, and that nothing else sees it.

T frames of a clip, H and W pixels, C = 3 colours.
"""

from pathlib import Path

import numpy as np
import pytest
import torch

from dyninf.data import CORRUPTIONS, Corruption, Synthetic

COUNTS = {"train_clips": 2, "calibration_clips": 1, "test_clips": 1}


def a_clip(frames: int = 8) -> np.ndarray:
    """Smooth pictures with some texture, each another."""
    draw = np.random.default_rng(0)
    place_HW = np.add.outer(np.arange(96), 2 * np.arange(128))
    clip_THWC = 90 + 40 * np.sin(place_HW / 9)[None, :, :, None] + 25 * draw.random((frames, 96, 128, 3))
    return (clip_THWC + 5 * np.arange(frames)[:, None, None, None]).astype(np.uint8)


def distance(a_THWC: np.ndarray, b_THWC: np.ndarray) -> float:
    """Mean absolute difference of two clips."""
    return float(np.abs(a_THWC.astype(float) - b_THWC).mean())


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_higher_severity_is_further_from_the_clean_clip(name: str) -> None:
    clip_THWC = a_clip(32)
    made = [Corruption(name, severity)(clip_THWC, "video") for severity in range(1, 6)]
    distances = [distance(one, clip_THWC) for one in made]
    assert distances == sorted(distances)
    assert 0 < distances[0] < distances[-1]
    for one in made:
        assert (one.shape, one.dtype) == (clip_THWC.shape, np.uint8)


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_is_the_same_every_time_and_leaves_the_given_clip_alone(name: str) -> None:
    clip_THWC = a_clip()
    before = clip_THWC.copy()
    first, second = (Corruption(name, 3)(clip_THWC, "video") for _ in range(2))
    assert np.array_equal(first, second)
    assert np.array_equal(clip_THWC, before)


@pytest.mark.parametrize("name", ["gaussian_noise", "freeze"])
def test_what_is_drawn_depends_on_the_video_the_clip_and_the_seed(name: str) -> None:
    clip_THWC = a_clip(32)
    made = [
        Corruption(name, 4)(clip_THWC, "video"),
        Corruption(name, 4)(clip_THWC, "another"),
        Corruption(name, 4, seed=1)(clip_THWC, "video"),
        Corruption(name, 4)(np.concatenate([clip_THWC, clip_THWC]), "video", clips=2)[32:],
    ]
    assert all(not np.array_equal(a, b) for i, a in enumerate(made) for b in made[:i])
    both = Corruption(name, 4)(np.concatenate([clip_THWC, clip_THWC]), "video", clips=2)
    assert np.array_equal(both[:32], made[0])


def test_noise_has_the_deviation_that_it_says() -> None:
    grey_THWC = np.full((4, 48, 64, 3), 128, np.uint8)
    noise_THWC = Corruption("gaussian_noise", 1)(grey_THWC, "video").astype(float) - 128
    assert noise_THWC.std() == pytest.approx(0.08 * 255, rel=0.03)
    assert abs(noise_THWC.mean()) < 0.5


def test_a_frozen_frame_is_the_one_before_and_the_first_never_freezes() -> None:
    clip_THWC = np.broadcast_to(np.arange(64, dtype=np.uint8)[:, None, None, None], (64, 4, 4, 3))
    for severity, share in ((1, 0.1), (5, 0.8)):
        shown_T = Corruption("freeze", severity)(clip_THWC, "video")[:, 0, 0, 0].astype(int)
        frozen_T = shown_T != np.arange(64)
        assert shown_T[0] == 0
        assert all(shown_T[t] == shown_T[t - 1] for t in frozen_T.nonzero()[0])
        assert frozen_T.mean() == pytest.approx(share, abs=0.2)


def test_small_pictures_can_be_blurred() -> None:
    tiny_THWC = a_clip()[:, :6, :5]
    assert Corruption("gaussian_blur", 5)(tiny_THWC, "video").shape == tiny_THWC.shape


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        (["fog", 3], "corruption must be one of gaussian_noise, .*; got 'fog'"),
        (["jpeg", 6], "severity must be 1 to 5; got 6"),
        (["jpeg", "3"], "severity must be 1 to 5; got '3'"),
        (["jpeg", 3, -1], "seed must be a whole number of at least 0; got -1"),
        ("jpeg", r"\[name, severity\].*got 'jpeg'"),
        (["jpeg"], r"such as \[jpeg, 3\]; got \['jpeg'\]"),
    ],
)
def test_what_is_no_corruption_is_refused(tmp_path: Path, setting: object, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Synthetic(tmp_path, corruption=setting)


def test_only_the_test_split_is_corrupted(synthetic: Synthetic) -> None:
    worse = Synthetic(synthetic.root, num_workers=0, **COUNTS, corruption=["gaussian_noise", 3])
    for split in ("train", "calibration"):
        assert torch.equal(worse.dataset(split)[0].video, synthetic.dataset(split)[0].video)
        assert worse.split_name(split) == synthetic.split_name(split)
    clean, corrupted = (module.dataset("test")[0] for module in (synthetic, worse))
    assert corrupted.video_id == clean.video_id
    assert not torch.equal(corrupted.video, clean.video)
    torch.manual_seed(0)
    trained = worse.dataset("train", train=True)[0].video
    torch.manual_seed(0)
    assert torch.equal(trained, synthetic.dataset("train", train=True)[0].video)


def test_the_name_of_the_split_tells_corruptions_apart(synthetic: Synthetic) -> None:
    settings = [None, ["jpeg", 3], ["jpeg", 4], ["contrast", 3], ["jpeg", 3, 1]]
    modules = [Synthetic(synthetic.root, **COUNTS, corruption=setting) for setting in settings]
    names = [module.split_name("test") for module in modules]
    assert names[0] == f"synthetic/test@{synthetic.fingerprint('test')}"
    assert names[1].startswith("synthetic/test+jpeg-3@")
    assert names[4].startswith("synthetic/test+jpeg-3-seed1@")
    assert len({module.fingerprint("test") for module in modules}) == len(settings)


def test_all_views_of_a_video_are_of_the_corrupted_one(synthetic: Synthetic) -> None:
    views = {"sampling": "uniform", "clips_per_video": 2, "crops_per_clip": 3}
    worse = Synthetic(synthetic.root, **COUNTS, corruption=["contrast", 5], **views)
    clean = Synthetic(synthetic.root, **COUNTS, **views)
    flat_Q, full_Q = (module.dataset("test")[0].video.flatten(1).std(1) for module in (worse, clean))
    assert flat_Q.shape == (6,)
    assert (flat_Q < 0.3 * full_Q).all()
