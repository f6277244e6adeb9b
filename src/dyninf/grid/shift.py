"""Temporal shift: frames exchange part of their channels (Lin et al., ICCV 2019).

Legend: B clips, t frames of each that are processed together, M = B·t, C channels, c = C/8 channels that
move, H, W.

A shift is a function of values: what the online shift keeps for the next group goes in and comes out.
"""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

PARTS = 8  # C/8 channels in each direction, as in TSM's released networks


class TemporalShift(ABC):
    """Exchange channels between the frames of a clip; costs no multiply-add.

    keeps: a group needs what the group before it left behind at the same stage.
    needs_whole_clip: only for schemes of one group, with the frames in time order.
    """

    keeps = False
    needs_whole_clip = False

    @abstractmethod
    def __call__(self, x_MCHW: Tensor, frames: int, kept_BcHW: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Shift the `frames` frames of each clip; return the result and what the next group needs.

        `kept_BcHW` is what the last call for the same clips, stage and layer returned, None at first.
        """


class NoShift(TemporalShift):
    """Frames stay alone."""

    def __call__(self, x_MCHW: Tensor, frames: int, kept_BcHW: Tensor | None) -> tuple[Tensor, Tensor | None]:
        return x_MCHW, None


class OfflineShift(TemporalShift):
    """Channels [0, C/8) from the next frame, [C/8, 2C/8) from the previous one, zero at the ends.

    Needs all frames at once, in time order.
    """

    needs_whole_clip = True

    def __call__(self, x_MCHW: Tensor, frames: int, kept_BcHW: Tensor | None) -> tuple[Tensor, Tensor | None]:
        x_BtCHW = x_MCHW.unflatten(0, (-1, frames))
        c = x_MCHW.shape[1] // PARTS
        zero_B1cHW = torch.zeros_like(x_BtCHW[:, :1, :c])
        from_next = torch.cat([x_BtCHW[:, 1:, :c], zero_B1cHW], 1).flatten(0, 1)
        from_previous = torch.cat([zero_B1cHW, x_BtCHW[:, :-1, c : 2 * c]], 1).flatten(0, 1)
        return torch.cat([from_next, from_previous, x_MCHW[:, 2 * c :]], 1), None


class OnlineShift(TemporalShift):
    """Channels [0, C/8) from the frame processed before, zero before the first.

    "Before" is the order of processing: across groups it is the last frame of the previous group.
    """

    keeps = True

    def __call__(self, x_MCHW: Tensor, frames: int, kept_BcHW: Tensor | None) -> tuple[Tensor, Tensor | None]:
        x_BtCHW = x_MCHW.unflatten(0, (-1, frames))
        c = x_MCHW.shape[1] // PARTS
        first_BcHW = torch.zeros_like(x_BtCHW[:, 0, :c]) if kept_BcHW is None else kept_BcHW
        from_previous = torch.cat([first_BcHW[:, None], x_BtCHW[:, :-1, :c]], 1).flatten(0, 1)
        # A copy is kept, so that the features of the whole group can be freed.
        return torch.cat([from_previous, x_MCHW[:, c:]], 1), x_BtCHW[:, -1, :c].clone()


SHIFTS: dict[str, type[TemporalShift]] = {"none": NoShift, "offline": OfflineShift, "online": OnlineShift}
