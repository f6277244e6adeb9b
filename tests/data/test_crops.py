"""Where the crops of a clip lie."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dyninf.data import ClipTransform, CropsTransform
from dyninf.data.crops import CROPS, corners


def ramp_THWC(frames=3, height=72, width=100):
    """Pixels whose red is their column and green their row."""
    clip = np.zeros((frames, height, width, 3), np.uint8)
    clip[..., 0] = np.arange(width)
    clip[..., 1] = np.arange(height)[:, None]
    return clip


UNCHANGED = {"mean": (0, 0, 0), "std": (1 / 255,) * 3}


def lefts_and_tops(video_RTCHW: torch.Tensor) -> list[tuple[float, float]]:
    return [(crop[0, 0, 0, 0].item(), crop[0, 1, 0, 0].item()) for crop in video_RTCHW]


@given(st.integers(8, 200), st.integers(8, 200), st.integers(1, 8), st.sampled_from(CROPS))
def test_every_crop_lies_in_the_picture_and_the_centre_is_one_of_them(height, width, crop, crops):
    places = corners(height, width, crop, crops)
    assert len(places) == crops
    assert all(0 <= top <= height - crop and 0 <= left <= width - crop for top, left in places)
    assert corners(height, width, crop, 1)[0] in places


def test_three_crops_go_along_the_longer_side():
    transform = CropsTransform(72, 64, 3, **UNCHANGED)
    wide_RTCHW = transform(ramp_THWC())
    assert wide_RTCHW.shape == (3, 3, 3, 64, 64)
    assert lefts_and_tops(wide_RTCHW) == [(0, 4), (18, 4), (36, 4)]
    assert lefts_and_tops(transform(ramp_THWC(height=100, width=72))) == [(4, 0), (4, 18), (4, 36)]


def test_three_crops_of_the_full_short_side_cover_the_picture():
    assert lefts_and_tops(CropsTransform(72, 72, 3, **UNCHANGED)(ramp_THWC())) == [(0, 0), (14, 0), (28, 0)]


def test_ten_crops_are_five_and_the_same_mirrored():
    five, ten = (CropsTransform(72, 64, crops, **UNCHANGED)(ramp_THWC()) for crops in (5, 10))
    assert lefts_and_tops(five) == [(18, 4), (0, 0), (36, 0), (0, 8), (36, 8)]
    assert torch.equal(ten[:5], five)
    assert torch.equal(ten[5:], five.flip(-1))


@pytest.mark.parametrize("crops, place", [(3, 1), (5, 0), (10, 0)])
def test_the_centre_is_the_crop_of_a_single_view(crops, place):
    frames_THWC = np.random.default_rng(0).integers(0, 255, (2, 75, 111, 3), np.uint8)
    several_RTCHW = CropsTransform(60, 47, crops)(frames_THWC)
    assert torch.equal(several_RTCHW[place], ClipTransform(60, 47)(frames_THWC))


@pytest.mark.parametrize("crops", [0, 2, 4, -1])
def test_another_number_of_crops_is_refused_with_those_there_are(crops):
    with pytest.raises(ValueError, match=f"crops_per_clip must be one of 1, 3, 5, 10; got {crops}"):
        CropsTransform(72, 64, crops)
