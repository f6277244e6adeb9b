"""What the clip transform does to shape, values and place."""

import numpy as np
import pytest
import torch

from dyninf.data import ClipTransform


def ramp_THWC(frames=3, height=72, width=80):
    """Pixels whose red is their column and green their row."""
    clip = np.zeros((frames, height, width, 3), np.uint8)
    clip[..., 0] = np.arange(width)
    clip[..., 1] = np.arange(height)[:, None]
    return clip


def plain(**arguments):
    return ClipTransform(mean=(0, 0, 0), std=(1 / 255,) * 3, **arguments)


def test_the_centre_is_cropped_for_testing():
    video_TCHW = plain(resize=72, crop=64)(ramp_THWC())
    assert video_TCHW.shape == (3, 3, 64, 64)
    assert video_TCHW.dtype == torch.float32
    assert video_TCHW.is_contiguous(memory_format=torch.channels_last)
    assert video_TCHW[0, 0, 0, [0, -1]].tolist() == [8, 71]
    assert video_TCHW[0, 1, [0, -1], 0].tolist() == [4, 67]


def test_training_crops_differ_between_clips_and_agree_within_one():
    torch.manual_seed(0)
    transform = plain(resize=72, crop=64, train=True)
    clips = [transform(ramp_THWC()) for _ in range(30)]
    assert all(torch.equal(clip[0], frame) for clip in clips for frame in clip)
    assert len({(int(clip[0, 0, 0, 0]), int(clip[0, 1, 0, 0])) for clip in clips}) > 10


def test_only_training_with_flip_mirrors():
    torch.manual_seed(0)
    mirrored = [
        bool(clip[0, 0, 0, 0] > clip[0, 0, 0, -1])
        for clip in (plain(resize=72, crop=64, train=True, flip=True)(ramp_THWC()) for _ in range(30))
    ]
    assert 5 < sum(mirrored) < 25
    unflipped = plain(resize=72, crop=64, train=False, flip=True)(ramp_THWC())
    assert unflipped[0, 0, 0, 0] < unflipped[0, 0, 0, -1]


def test_any_size_is_resized_to_the_short_side():
    for height, width in ((144, 200), (36, 100), (200, 100)):
        assert plain(resize=72, crop=72)(ramp_THWC(2, height, width)).shape == (2, 3, 72, 72)


def test_values_are_normalised_colour_by_colour():
    white_THWC = np.full((1, 8, 8, 3), 255, np.uint8)
    video_TCHW = ClipTransform(8, 8, mean=(0.5, 0.25, 0.0), std=(0.5, 0.25, 2.0))(white_THWC)
    torch.testing.assert_close(video_TCHW[0, :, 0, 0], torch.tensor([1.0, 3.0, 0.5]))


def test_the_frames_given_are_left_as_they_were():
    frames_THWC = ramp_THWC()
    ClipTransform(72, 64)(frames_THWC)
    assert np.array_equal(frames_THWC, ramp_THWC())


def test_a_crop_larger_than_the_resized_clip_is_refused():
    with pytest.raises(ValueError, match="between 1 and resize=64"):
        ClipTransform(resize=64, crop=72)
