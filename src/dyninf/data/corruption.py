"""Test videos made worse, to see what a network does under a shift it was not trained for.

T frames of a clip, H and W pixels, C = 3 colours.

The idea, five grades of strength and, where nothing else is said, their numbers are those of ImageNet-C
(Hendrycks and Dietterich 2019, "Benchmarking Neural Network Robustness to Common Corruptions and
Perturbations"; the numbers from the code that made it, for pictures of 224 x 224 pixels).
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from io import BytesIO

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.transforms.v2 import functional as v2

SEVERITIES = 5
_SIDE = 224  # pixels that blurs are given for; they grow with a picture's short side


class Corruption:
    """One way to make the frames of a clip worse, the same every time for a video, a seed and a clip of it.

    The draws behind it do not depend on the severity, so that the grades of a video differ in strength alone.

    Args:
        name: one of `CORRUPTIONS`.
        severity: from 1 to 5.
        seed: of what is drawn.

    Raises:
        ValueError: there is no such name or severity, or the seed is no whole number of at least 0.
    """

    def __init__(self, name: str, severity: int, seed: int = 0) -> None:
        if name not in CORRUPTIONS:
            raise ValueError(f"corruption must be one of {', '.join(CORRUPTIONS)}; got {name!r}")
        if type(severity) is not int or not 1 <= severity <= SEVERITIES:
            raise ValueError(f"a corruption's severity must be 1 to {SEVERITIES}; got {severity!r}")
        if type(seed) is not int or seed < 0:
            raise ValueError(f"a corruption's seed must be a whole number of at least 0; got {seed!r}")
        self.name = name
        self.severity = severity
        self.seed = seed

    @classmethod
    def of(cls, setting: Sequence[str | int] | None) -> Corruption | None:
        """From [name, severity] or [name, severity, seed]; None for None.

        Raises:
            ValueError: it is neither.
        """
        if setting is None:
            return None
        if isinstance(setting, str) or not isinstance(setting, Sequence) or len(setting) not in (2, 3):
            raise ValueError(
                f"corruption must be [name, severity] or [name, severity, seed], such as [jpeg, 3]; "
                f"got {setting!r}"
            )
        return cls(*setting)  # type: ignore[arg-type]

    def __call__(self, frames_THWC: np.ndarray, video_id: str, clips: int = 1) -> np.ndarray:
        """uint8 THWC, with the frames of all clips of the video in T, to the same shape and type."""
        parts = np.split(frames_THWC, clips)
        return np.concatenate([self._clip(part, f"{video_id}/{i}") for i, part in enumerate(parts)])

    def _clip(self, frames_THWC: np.ndarray, place: str) -> np.ndarray:
        digest = hashlib.sha256(f"{self.seed}/{self.name}/{place}".encode(errors="surrogateescape")).digest()
        draw = np.random.default_rng(int.from_bytes(digest[:16]))
        change, strengths = CORRUPTIONS[self.name]
        return change(frames_THWC, strengths[self.severity - 1], draw)

    def __repr__(self) -> str:
        return f"{self.name}-{self.severity}" + (f"-seed{self.seed}" if self.seed else "")


def _gaussian_noise(frames_THWC: np.ndarray, deviation: float, draw: np.random.Generator) -> np.ndarray:
    """Anew in each pixel and frame."""
    noise_THWC = draw.standard_normal(frames_THWC.shape, dtype=np.float32)
    return _pixels(frames_THWC + 255 * deviation * noise_THWC)


def _brightness(frames_THWC: np.ndarray, added: float, draw: np.random.Generator) -> np.ndarray:
    """Added to each colour, where ImageNet-C adds it to the value of HSV."""
    return _pixels(frames_THWC.astype(np.float32) + 255 * added)


def _gaussian_blur(frames_THWC: np.ndarray, sigma: float, draw: np.random.Generator) -> np.ndarray:
    sigma *= min(frames_THWC.shape[1:3]) / _SIDE
    size = 2 * math.ceil(3 * sigma) + 1
    return _frames(v2.gaussian_blur(_video(frames_THWC), [size, size], [sigma, sigma]))


def _contrast(frames_THWC: np.ndarray, kept: float, draw: np.random.Generator) -> np.ndarray:
    """Towards the mean brightness of each frame, where ImageNet-C takes that of each colour."""
    return _frames(v2.adjust_contrast(_video(frames_THWC), kept))


def _jpeg(frames_THWC: np.ndarray, quality: float, draw: np.random.Generator) -> np.ndarray:
    made = []
    for frame_HWC in frames_THWC:
        file = BytesIO()
        Image.fromarray(frame_HWC).save(file, "JPEG", quality=int(quality))
        made.append(np.asarray(Image.open(file)))
    return np.stack(made)


def _freeze(frames_THWC: np.ndarray, share: float, draw: np.random.Generator) -> np.ndarray:
    """Frames that show the one before instead, as when frames are lost on the way; never the first."""
    lost_T = draw.random(len(frames_THWC)) < share
    lost_T[0] = False
    shown_T = np.maximum.accumulate(np.where(lost_T, 0, np.arange(len(frames_THWC))))
    return frames_THWC[shown_T]


CORRUPTIONS: dict[str, tuple[Callable[[np.ndarray, float, np.random.Generator], np.ndarray], list[float]]] = {
    "gaussian_noise": (_gaussian_noise, [0.08, 0.12, 0.18, 0.26, 0.38]),  # deviation, of the full range
    "gaussian_blur": (_gaussian_blur, [1, 2, 3, 4, 6]),  # deviation in pixels
    "brightness": (_brightness, [0.1, 0.2, 0.3, 0.4, 0.5]),  # of the full range
    "contrast": (_contrast, [0.4, 0.3, 0.2, 0.1, 0.05]),  # share that is kept
    "jpeg": (_jpeg, [25, 18, 15, 10, 7]),  # quality
    "freeze": (_freeze, [0.1, 0.25, 0.4, 0.6, 0.8]),  # share of the frames; not of ImageNet-C
}
"""What each does to a clip, and its strength from severity 1 to 5."""


def _pixels(values_THWC: np.ndarray) -> np.ndarray:
    return values_THWC.round().clip(0, 255).astype(np.uint8)


def _video(frames_THWC: np.ndarray) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(frames_THWC)).permute(0, 3, 1, 2)


def _frames(video_TCHW: Tensor) -> np.ndarray:
    return np.ascontiguousarray(video_TCHW.permute(0, 2, 3, 1).numpy())
