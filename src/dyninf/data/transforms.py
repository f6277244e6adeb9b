"""From decoded frames to what a network takes.

T frames, H and W pixels, C = 3 colours.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class ClipTransform:
    """Resize the short side, crop a square, perhaps flip, normalise; the same way for all frames of a clip.

    Args:
        resize: short side in pixels before cropping; a clip that has it already is left as it is.
        crop: side of the square in pixels.
        train: crop at random and, with `flip`, mirror every second clip; otherwise crop the centre.
        flip: mirroring leaves the label true (not so where left and right matter).
        mean, std: of each colour, for values between 0 and 1.

    Raises:
        ValueError: crop is larger than resize.
    """

    def __init__(
        self,
        resize: int,
        crop: int,
        train: bool = False,
        flip: bool = False,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
    ) -> None:
        if not 0 < crop <= resize:
            raise ValueError(f"crop must be between 1 and resize={resize} pixels; got {crop}")
        self.resize = resize
        self.mean = tuple(mean)
        self.std = tuple(std)
        steps: list[torch.nn.Module] = [v2.RandomCrop(crop) if train else v2.CenterCrop(crop)]
        if train and flip:
            steps.append(v2.RandomHorizontalFlip())
        self._resize = v2.Resize(resize, antialias=True)
        self._place = v2.Compose(steps)
        # Scaling to 0..1 is folded into mean and std: one pass over the pixels fewer.
        self._mean_C11 = torch.tensor(mean, dtype=torch.float32).mul(255)[:, None, None]
        self._std_C11 = torch.tensor(std, dtype=torch.float32).mul(255)[:, None, None]

    def __call__(self, frames_THWC: np.ndarray) -> Tensor:
        """uint8 THWC of any size -> float32 TCHW, crop x crop pixels."""
        video_TCHW = torch.from_numpy(frames_THWC).permute(0, 3, 1, 2)
        if min(video_TCHW.shape[-2:]) != self.resize:
            video_TCHW = self._resize(video_TCHW)
        video_TCHW = self._place(video_TCHW).to(torch.float32, memory_format=torch.contiguous_format)
        return video_TCHW.sub_(self._mean_C11).div_(self._std_C11)

    def __repr__(self) -> str:
        return f"resize {self.resize}, {self._place}, mean {self.mean}, std {self.std}"
