"""What is random about a training clip's pixels, besides where a fixed square is cropped.

T frames, C = 3 colours, H and W pixels. Each step takes uint8 TCHW, draws once a clip from torch's global
generator, and treats all frames as that draw says.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import Literal, cast

import torch
from torch import Tensor, nn
from torchvision.transforms import v2

TrainCrop = Literal["random", "multi_scale", "random_resized"]
RandAugment = int | Sequence[int]

TRAIN_CROPS: tuple[TrainCrop, ...] = ("random", "multi_scale", "random_resized")
MAGNITUDES = 31  # of RandAugment (Cubuk et al. 2020) as torchvision has it: 0 to 30


class MultiScaleCrop(nn.Module):
    """A part of the picture of one of several sizes, at one of 13 places, scaled to a square of side `crop`.

    Height and width are the short side of the picture times one scale each, not more than one scale apart.
    The places are corners, middles of the edges, centre, and halfway between corners and centre.

    Sources: Wang et al. 2015 (arXiv 1507.02159), section 3, for scales and fixed places; the public code of
    TSN and TSM (``GroupMultiScaleCrop``), for the 13 of them and the one scale apart.
    """

    scales = (1.0, 0.875, 0.75, 0.66)
    shapes = tuple((tall, wide) for tall, wide in product(range(4), repeat=2) if abs(tall - wide) <= 1)
    places = tuple((down, right) for down, right in product(range(5), repeat=2) if (down + right) % 2 == 0)

    def __init__(self, crop: int) -> None:
        super().__init__()
        self.crop = crop

    def forward(self, video_TCHW: Tensor) -> Tensor:
        H, W = video_TCHW.shape[-2:]
        tall, wide = (max(1, int(min(H, W) * self.scales[i])) for i in _one_of(self.shapes))
        down, right = _one_of(self.places)  # in quarters of the way that is free
        top, left = (H - tall) * down // 4, (W - wide) * right // 4
        # Cropping first: only the pixels that are seen are scaled.
        resized = v2.functional.resized_crop(
            video_TCHW, top, left, tall, wide, [self.crop, self.crop], antialias=True
        )
        return cast(Tensor, resized)

    def extra_repr(self) -> str:
        return f"{self.crop}, scales={self.scales}"


def crop_step(train_crop: TrainCrop, crop: int) -> nn.Module:
    """What gives a square of side `crop` in training.

    "random" crops a clip as large as it is; the others choose a part of it and scale that. The part of
    "random_resized" has 8 to 100 % of the area and a ratio of 3:4 to 4:3, as Inception was trained (Szegedy
    et al. 2015, section 6), and later video networks.

    Raises:
        ValueError: there is no such crop.
    """
    if train_crop == "random":
        return cast(nn.Module, v2.RandomCrop(crop))
    if train_crop == "multi_scale":
        return MultiScaleCrop(crop)
    if train_crop == "random_resized":
        return cast(nn.Module, v2.RandomResizedCrop(crop, antialias=True))
    raise ValueError(f"train_crop must be one of {', '.join(TRAIN_CROPS)}; got {train_crop!r}")


def randaugment_step(randaugment: RandAugment) -> nn.Module:
    """RandAugment with the same operations for all frames; a magnitude, or how many operations and theirs.

    Those that go by the picture's own values (contrast, equalize) measure each frame. None mirrors.

    Raises:
        ValueError: not a magnitude from 0 to 30, or less than one operation.
    """
    numbers = list(randaugment) if isinstance(randaugment, Sequence) else [2, randaugment]
    fit = len(numbers) == 2 and all(type(number) is int for number in numbers)  # a bool is none
    if not (fit and numbers[0] >= 1 and 0 <= numbers[1] < MAGNITUDES):
        raise ValueError(
            f"randaugment must be a magnitude from 0 to {MAGNITUDES - 1}, or [operations, magnitude] with 1 "
            f"operation or more; got {randaugment!r}"
        )
    return cast(
        nn.Module, v2.RandAugment(num_ops=numbers[0], magnitude=numbers[1], num_magnitude_bins=MAGNITUDES)
    )


def _one_of(values: Sequence[tuple[int, int]]) -> tuple[int, int]:
    return values[int(torch.randint(len(values), ()))]
