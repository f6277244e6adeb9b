"""Small pictures of what the network sees.

Legend: t frames of a group, C = 3 colours, H, W.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from io import BytesIO

import torch
from PIL import Image
from torch import Tensor

SIDE = 96
"""The most pixels of a side."""


class Thumbnails:
    """Makes pictures of normalised frames. mean, std: as they were normalised with, of values in [0, 1]."""

    def __init__(self, mean: Sequence[float], std: Sequence[float]) -> None:
        self._mean_C11 = torch.tensor(mean)[:, None, None]
        self._std_C11 = torch.tensor(std)[:, None, None]

    def __call__(self, frames_tCHW: Tensor) -> list[str]:
        """A JPEG for each frame, as a data URL."""
        shown_tCHW = (frames_tCHW.float() * self._std_C11 + self._mean_C11).clamp(0, 1).mul(255).round()
        return [_data_url(frame_CHW) for frame_CHW in shown_tCHW.to(torch.uint8)]


def _data_url(frame_CHW: Tensor) -> str:
    picture = Image.fromarray(frame_CHW.permute(1, 2, 0).contiguous().numpy())
    picture.thumbnail((SIDE, SIDE))
    content = BytesIO()
    picture.save(content, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(content.getvalue()).decode()
