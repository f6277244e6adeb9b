"""Several crops of a clip, for testing.

R crops of a clip, T frames, H and W pixels, C = 3 colours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from dyninf.data.transforms import IMAGENET_MEAN, IMAGENET_STD, ClipTransform

CROPS = (1, 3, 5, 10)
"""How many crops a clip may have: see `corners`."""


class CropsTransform(ClipTransform):
    """Resize the short side, crop a square at several places, normalise; the same for all frames of a clip.

    Args:
        crops: 3, 5 or 10 of them, at the places of `corners`; the second half of 10 is mirrored.
        resize, crop, mean, std: as in `ClipTransform`, whose crop for testing is the second of 3, and the
            first of 5 and 10.

    Raises:
        ValueError: crop is larger than resize, or crops is another number.
    """

    def __init__(
        self,
        resize: int,
        crop: int,
        crops: int,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        super().__init__(resize, crop, mean=mean, std=std)
        check_crops(crops)
        self.crops = crops
        self._place = _Crops(crop, crops)

    def __call__(self, frames_THWC: np.ndarray) -> Tensor:
        """uint8 THWC of any size -> float32 RTCHW, crop x crop pixels."""
        return super().__call__(frames_THWC).unflatten(0, (self.crops, -1))


def check_crops(crops: int) -> None:
    """Raise a ValueError that names `CROPS` if a clip cannot have that many."""
    if crops not in CROPS:
        raise ValueError(f"crops_per_clip must be one of {', '.join(map(str, CROPS))}; got {crops}")


def corners(height: int, width: int, crop: int, crops: int) -> list[tuple[int, int]]:
    """Top and left of squares with side `crop` in a picture.

    1: the centre. 3: left, centre and right, or top, centre and bottom of a picture that is higher than
    wide, in the middle of its shorter side (SlowFast, Feichtenhofer et al., ICCV 2019, with `crop` equal to
    that side). 5: the centre and the four corners; 10: the same twice, to be mirrored (TSN, Wang et al., ECCV
    2016).
    """
    bottom, right = height - crop, width - crop
    centre = (round(bottom / 2), round(right / 2))  # as torchvision's CenterCrop rounds
    if crops == 1:
        return [centre]
    if crops == 3 and height > width:
        return [(0, centre[1]), centre, (bottom, centre[1])]
    if crops == 3:
        return [(centre[0], 0), centre, (centre[0], right)]
    five = [centre, (0, 0), (0, right), (bottom, 0), (bottom, right)]
    return five * (crops // 5)


class _Crops(torch.nn.Module):
    """TCHW -> all crops one after the other, (R T)CHW."""

    def __init__(self, crop: int, crops: int) -> None:
        super().__init__()
        self.crop = crop
        self.crops = crops

    def forward(self, video_TCHW: Tensor) -> Tensor:
        height, width = video_TCHW.shape[-2:]
        places = corners(height, width, self.crop, self.crops)
        cut = [video_TCHW[..., y : y + self.crop, x : x + self.crop] for y, x in places]
        if self.crops == 10:
            cut[5:] = [crop_TCHW.flip(-1) for crop_TCHW in cut[5:]]
        return torch.cat(cut)

    def extra_repr(self) -> str:
        return f"{self.crops} of {self.crop}"
