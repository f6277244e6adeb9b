"""Augmentation in training: the same for all frames, repeatable, of the right size, and as published.

T frames, C = 3 colours, H and W pixels.
"""

from collections import Counter
from collections.abc import Callable
from itertools import product

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torchvision.transforms import v2

from dyninf.data import (
    Clip,
    ClipTransform,
    MultiScaleCrop,
    Segment,
    SomethingV2,
    Video,
    VideoDataset,
    batch_of,
)
from dyninf.data.augmentation import TRAIN_CROPS, crop_step, randaugment_step

OPERATIONS = v2.RandAugment._AUGMENTATION_SPACE
MOVING = {"ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate"}  # the others change colours alone


def noise_THWC(frames: int = 3, height: int = 60, width: int = 80, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (frames, height, width, 3), dtype=np.uint8)


def noise_TCHW(*size: int) -> Tensor:
    return torch.from_numpy(noise_THWC(*size)).permute(0, 3, 1, 2)


def seeded(transform: Callable, frames: object, seed: int = 0) -> Tensor:
    torch.manual_seed(seed)
    return transform(frames)


# All crops -------------------------------------------------------------------------------------------

any_transform = st.builds(
    lambda crop, margin, **options: ClipTransform(crop + margin, crop, train=True, **options),
    crop=st.integers(1, 40),
    margin=st.integers(0, 20),
    train_crop=st.sampled_from(TRAIN_CROPS),
    flip=st.booleans(),
    randaugment=st.none() | st.integers(0, 30) | st.tuples(st.integers(1, 3), st.integers(0, 30)),
)
any_size = st.tuples(st.integers(1, 4), st.integers(1, 90), st.integers(1, 90))


@given(any_transform, any_size, st.integers(0, 2**31))
def test_every_frame_of_a_clip_is_treated_alike(
    transform: ClipTransform, size: tuple[int, int, int], seed: int
) -> None:
    frames_THWC = noise_THWC(*size)
    before = frames_THWC.copy()
    video_TCHW = seeded(transform, frames_THWC, seed)
    assert video_TCHW.shape == (size[0], 3, transform.crop, transform.crop)
    assert video_TCHW.dtype == torch.float32
    assert video_TCHW.isfinite().all()
    assert np.array_equal(frames_THWC, before)
    for t in range(size[0]):
        assert torch.equal(seeded(transform, frames_THWC[t : t + 1], seed)[0], video_TCHW[t])


@given(any_transform, any_size, st.integers(0, 2**31))
def test_the_same_seed_gives_the_same_clip(
    transform: ClipTransform, size: tuple[int, int, int], seed: int
) -> None:
    frames_THWC = noise_THWC(*size)
    first = seeded(transform, frames_THWC, seed)
    np.random.default_rng().random()  # only torch's generator counts
    assert torch.equal(seeded(transform, frames_THWC, seed), first)


@pytest.mark.parametrize("options", [{}, {"flip": True}])
@pytest.mark.parametrize(("height", "width"), [(60, 80), (81, 60), (33, 47)])
def test_the_random_crop_is_resized_cropped_flipped_and_normalised_in_this_order(
    height: int, width: int, options: dict[str, bool]
) -> None:
    frames_THWC = noise_THWC(2, height, width)
    mean, std = (0.5, 0.25, 0.125), (0.5, 0.25, 1.0)

    def by_hand(frames_THWC: np.ndarray) -> Tensor:
        video_TCHW = v2.Resize(60, antialias=True)(torch.from_numpy(frames_THWC).permute(0, 3, 1, 2))
        video_TCHW = v2.RandomCrop(48)(video_TCHW)
        if options:
            video_TCHW = v2.RandomHorizontalFlip()(video_TCHW)
        mean_C11, std_C11 = (torch.tensor(x).mul(255)[:, None, None] for x in (mean, std))
        return video_TCHW.float().sub(mean_C11).div(std_C11)

    transform = ClipTransform(60, 48, train=True, mean=mean, std=std, **options)
    for seed in range(10):
        assert torch.equal(seeded(transform, frames_THWC, seed), seeded(by_hand, frames_THWC, seed))


@pytest.mark.parametrize("train_crop", TRAIN_CROPS)
def test_flips_are_one_in_two_for_every_crop(train_crop: str) -> None:
    ramp_THWC = np.tile(np.arange(80, dtype=np.uint8)[None, None, :, None], (1, 60, 1, 3))
    transform = ClipTransform(60, 48, train=True, flip=True, train_crop=train_crop)
    clips = [seeded(transform, ramp_THWC, seed) for seed in range(200)]
    mirrored = sum(bool(clip[0, 0, 0, 0] > clip[0, 0, 0, -1]) for clip in clips)
    assert 70 < mirrored < 130


def test_without_flip_no_crop_and_no_operation_mirrors() -> None:
    assert set(OPERATIONS) >= MOVING
    ramp_THWC = np.tile(np.arange(0, 240, 3, dtype=np.uint8)[None, None, :, None], (1, 60, 1, 3))
    for train_crop, name in product(TRAIN_CROPS, sorted(MOVING)):
        transform = ClipTransform(60, 48, train=True, train_crop=train_crop, randaugment=[1, 12])
        only(transform._place.transforms[-1], name)
        for seed in range(4):
            middle_W = seeded(transform, ramp_THWC, seed)[0, 0, 24, 16:32]
            assert middle_W[0] <= middle_W[-1]


def test_augmentation_is_for_training_alone() -> None:
    plain = ClipTransform(60, 48)
    asked = ClipTransform(60, 48, flip=True, train_crop="multi_scale", randaugment=20)
    assert repr(asked) == repr(plain)
    assert torch.equal(asked(noise_THWC()), plain(noise_THWC()))


def test_an_unknown_crop_is_answered_with_those_there_are() -> None:
    with pytest.raises(ValueError, match="must be one of random, multi_scale, random_resized; got 'centre'"):
        ClipTransform(60, 48, train=True, train_crop="centre")


# Multi-scale crop ------------------------------------------------------------------------------------


def coordinates_TCHW(height: int, width: int) -> Tensor:
    """One frame whose colours are its row, its column and nothing."""
    rows_HW, columns_HW = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([rows_HW, columns_HW, torch.zeros_like(rows_HW)])[None].to(torch.float32)


@pytest.mark.parametrize(("height", "width"), [(256, 340), (340, 256), (240, 240), (101, 203)])
def test_multi_scale_takes_the_published_sizes_at_the_13_places(height: int, width: int) -> None:
    sizes = [int(min(height, width) * scale) for scale in (1, 0.875, 0.75, 0.66)]
    step = MultiScaleCrop(1000)  # enlarged so far that the crop can be told from the ends
    seen = Counter()
    for seed in range(400):
        video_TCHW = seeded(step, coordinates_TCHW(height, width), seed)[0]
        (top, bottom), (left, right) = (
            (round(x.min().item()), round(x.max().item()) + 1) for x in video_TCHW[:2]
        )
        tall, wide = bottom - top, right - left
        assert abs(sizes.index(tall) - sizes.index(wide)) <= 1
        fifths = [
            (down, across)
            for down, across in product(range(5), repeat=2)
            if (top, left) == ((height - tall) * down // 4, (width - wide) * across // 4)
        ]
        assert any((down + across) % 2 == 0 for down, across in fifths)
        seen[tall, wide] += 1
    assert len(seen) == len({(sizes[i], sizes[j]) for i, j in product(range(4), repeat=2) if abs(i - j) <= 1})
    assert sizes[0] == min(height, width)


def test_multi_scale_has_10_shapes_and_13_places_from_corner_to_corner() -> None:
    assert len(set(MultiScaleCrop.shapes)) == 10
    assert len(set(MultiScaleCrop.places)) == 13
    assert {(0, 0), (0, 4), (4, 0), (4, 4), (2, 2), (0, 2), (2, 0), (4, 2), (2, 4)} <= set(
        MultiScaleCrop.places
    )


def test_a_crop_that_needs_no_scaling_has_the_pixels_of_the_clip() -> None:
    video_TCHW = noise_TCHW(2, 64, 64)
    found = [seeded(MultiScaleCrop(64), video_TCHW, seed) for seed in range(40)]
    assert any(torch.equal(clip, video_TCHW) for clip in found)


# Random resized crop ---------------------------------------------------------------------------------


def test_random_resized_sees_8_to_100_percent_in_moderate_shapes() -> None:
    step, (H, W) = crop_step("random_resized", 500), (200, 260)
    areas, ratios = [], []
    for seed in range(200):
        rows_HW, columns_HW, _ = seeded(step, coordinates_TCHW(H, W), seed)[0]
        tall, wide = (x.max().item() - x.min().item() + 1 for x in (rows_HW, columns_HW))
        areas.append(tall * wide / (H * W))
        ratios.append(wide / tall)
    assert 0.07 < min(areas) < 0.2
    assert 0.8 < max(areas) <= 1.01
    assert 0.72 < min(ratios) < 0.85
    assert 1.2 < max(ratios) < 1.38


# RandAugment -----------------------------------------------------------------------------------------


def only(step: torch.nn.Module, name: str) -> torch.nn.Module:
    """RandAugment that can draw nothing but one operation."""
    step._AUGMENTATION_SPACE = {name: OPERATIONS[name]}
    return step


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_gives_equal_frames_for_equal_frames(name: str) -> None:
    step = only(randaugment_step([1, 20]), name)
    still_TCHW = noise_TCHW(1, 41, 33).expand(5, -1, -1, -1)
    moving_TCHW = noise_TCHW(5, 41, 33)
    for seed in range(6):
        found_TCHW = seeded(step, still_TCHW, seed)
        assert found_TCHW.dtype == torch.uint8
        assert found_TCHW.shape == still_TCHW.shape
        assert all(torch.equal(frame, found_TCHW[0]) for frame in found_TCHW)
        apart = [seeded(step, frame[None], seed)[0] for frame in moving_TCHW]
        assert torch.equal(seeded(step, moving_TCHW, seed), torch.stack(apart))


def test_a_larger_magnitude_changes_more() -> None:
    video_TCHW = noise_TCHW(2, 40, 40)
    turned = [
        seeded(only(randaugment_step([1, magnitude]), "Rotate"), video_TCHW) for magnitude in (0, 3, 30)
    ]
    kept = [(clip == video_TCHW).float().mean().item() for clip in turned]
    assert kept[0] == 1
    assert kept[1] > kept[2]


def test_a_magnitude_alone_means_two_operations() -> None:
    video_TCHW = noise_TCHW(2, 40, 40)
    for seed in range(5):
        alone, both = (seeded(randaugment_step(setting), video_TCHW, seed) for setting in (9, [2, 9]))
        assert torch.equal(alone, both)


@pytest.mark.parametrize("wrong", [-1, 31, 9.0, True, "9", [0, 9], [2], [2, 31], [1, 2, 3], [2, None]])
def test_another_setting_of_randaugment_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match=r"randaugment must be a magnitude from 0 to 30, or \[operations"):
        ClipTransform(60, 48, train=True, randaugment=wrong)


# In a data set ---------------------------------------------------------------------------------------


def test_labels_and_ids_are_untouched_and_clips_batch(numbered_video: Callable) -> None:
    videos = [Video(numbered_video(), label, f"id-{label}") for label in (3, 1)]
    transform = ClipTransform(40, 32, train=True, flip=True, train_crop="multi_scale", randaugment=[2, 15])
    batch = batch_of([*VideoDataset(videos, Segment(4), transform, train=True)])
    assert batch.label.tolist() == [3, 1]
    assert list(batch.video_id) == ["id-3", "id-1"]
    assert batch.video.shape == (2, 4, 3, 32, 32)


def test_a_batch_has_the_clips_and_keeps_colours_innermost() -> None:
    transform = ClipTransform(60, 48)
    clips = [Clip(transform(noise_THWC(seed=seed)), seed, f"{seed}") for seed in range(3)]
    batch = batch_of(clips)
    assert torch.equal(batch.video, torch.stack([clip.video for clip in clips]))
    assert batch.video.movedim(2, -1).is_contiguous()
    images_MCHW = batch.video.flatten(0, 1)
    assert images_MCHW.data_ptr() == batch.video.data_ptr()  # as the network takes them: no copy
    assert images_MCHW.is_contiguous(memory_format=torch.channels_last)


def test_every_data_set_takes_the_settings_and_tests_as_before(tmp_path: object) -> None:
    module = SomethingV2(tmp_path, resize=40, crop=32, train_crop="multi_scale", randaugment=9)
    assert "MultiScaleCrop" in repr(module.train_transform)
    assert "RandAugment" in repr(module.train_transform)
    assert repr(module.test_transform) == repr(ClipTransform(40, 32))
    with pytest.raises(ValueError, match="flip must be false for something_v2"):
        SomethingV2(tmp_path, resize=40, crop=32, flip=True, randaugment=9)
