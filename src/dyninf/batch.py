"""What every loader yields.

Legend: B clips, T frames, C, H, W.
"""

from collections.abc import Sequence
from typing import Protocol

from torch import Tensor


class Batch(Protocol):
    """Clips with their frames in time order, their labels and their ids.

    video_TCHW: (B, T, C, H, W), normalised; named as in the single clip that is collated to it.
    label: (B,) class numbers.
    video_id: B names, unique in a split.
    """

    @property
    def video_TCHW(self) -> Tensor: ...
    @property
    def label(self) -> Tensor: ...
    @property
    def video_id(self) -> Sequence[str]: ...
