"""From decoded frames to what a network takes.

T frames, H and W pixels, C = 3 colours, R = W·C values of a row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor
from torchvision.transforms import v2

from dyninf.data.augmentation import RandAugment, TrainCrop, crop_step, randaugment_step

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


class ClipTransform:
    """Resize the short side, crop a square, perhaps flip, normalise; the same way for all frames of a clip.

    Args:
        resize: short side in pixels before cropping; a clip that has it already is left as it is. Training
            crops other than "random" take any size, and are scaled themselves.
        crop: side of the square in pixels.
        train: crop as `train_crop` says and, with `flip`, mirror every second clip; else crop the centre.
        flip: mirroring leaves the label true (not so where left and right matter).
        mean, std: of each colour, for values between 0 and 1.
        train_crop: see `crop_step`.
        randaugment: see `randaugment_step`; None for none. After the flip, in training only.

    Raises:
        ValueError: crop is larger than resize, or one of the last two is none that there is.
    """

    def __init__(
        self,
        resize: int,
        crop: int,
        train: bool = False,
        flip: bool = False,
        mean: Sequence[float] = IMAGENET_MEAN,
        std: Sequence[float] = IMAGENET_STD,
        train_crop: TrainCrop = "random",
        randaugment: RandAugment | None = None,
    ) -> None:
        if not 0 < crop <= resize:
            raise ValueError(f"crop must be between 1 and resize={resize} pixels; got {crop}")
        self.resize = resize
        self.crop = crop
        self.mean = tuple(mean)
        self.std = tuple(std)
        steps: list[torch.nn.Module] = [crop_step(train_crop, crop) if train else v2.CenterCrop(crop)]
        if train and flip:
            steps.append(v2.RandomHorizontalFlip())
        if train and randaugment is not None:
            steps.append(randaugment_step(randaugment))
        self._resize = v2.Resize(resize, antialias=True) if not train or train_crop == "random" else None
        self._place = v2.Compose(steps)
        # Scaling to 0..1 is folded into mean and std: one pass over the pixels fewer.
        self._mean_C = torch.tensor(mean, dtype=torch.float32).mul(255)
        self._std_C = torch.tensor(std, dtype=torch.float32).mul(255)

    def __call__(self, frames_THWC: np.ndarray) -> Tensor:
        """uint8 THWC of any size -> float32 TCHW, crop x crop pixels.

        In memory the colours stay innermost, as decoders give them and convolutions read them fastest.
        """
        video_TCHW = torch.from_numpy(frames_THWC).permute(0, 3, 1, 2)
        if self._resize is not None and min(video_TCHW.shape[-2:]) != self.resize:
            video_TCHW = self._resize(video_TCHW)
        cropped_THWC = self._place(video_TCHW).permute(0, 2, 3, 1)
        pixels_THWC = cropped_THWC.to(torch.float32, memory_format=torch.contiguous_format)
        # Row by row: an innermost loop over 3 colours would be slow.
        rows_THR, W = pixels_THWC.flatten(2), pixels_THWC.shape[2]
        rows_THR.sub_(self._mean_C.repeat(W)).div_(self._std_C.repeat(W))
        return pixels_THWC.permute(0, 3, 1, 2)

    def __repr__(self) -> str:
        resized = "" if self._resize is None else f"resize {self.resize}, "
        return f"{resized}{self._place}, mean {self.mean}, std {self.std}"
