"""What every loader yields.

Legend: B videos, Q views of a video, T frames, C, H, W.
"""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


class Batch(Protocol):
    """Clips with their frames in time order, their labels and their ids.

    video: (B, T, C, H, W), normalised; (B, Q, T, C, H, W) where videos are tested in several views.
    label: (B,) class numbers.
    video_id: B names, unique in a split.
    """

    @property
    def video(self) -> Tensor: ...
    @property
    def label(self) -> Tensor: ...
    @property
    def video_id(self) -> Sequence[str]: ...
