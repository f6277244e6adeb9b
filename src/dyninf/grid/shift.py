"""Temporal shift: frames exchange part of their channels (Lin et al., ICCV 2019).

Legend: B clips, G groups, t frames of a group, M = B·G·t, n frames so far, C channels, c = C/8 channels
that move, H, W.

A shift is a function of values: what it keeps for the next group goes in and comes out. An `Exchange` is
one call of a stage: it hands the kept values to the places of the shift, and collects what they leave.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import chain

import torch
from torch import Tensor

from dyninf.grid.permutation import Permutation

PARTS = 8  # C/8 channels in each direction, as in TSM's released networks


@dataclass(frozen=True)
class Frames:
    """The frames of each clip that go through a stage together.

    groups: for each group, in the order of processing, where in time its frames are; all of one size.
    before: the groups that went through the stage earlier, likewise.
    """

    groups: Permutation
    before: Permutation = ()

    def __len__(self) -> int:
        return sum(map(len, self.groups))


@dataclass(frozen=True, eq=False)
class Shifted:
    """Features whose frames have exchanged channels, not put together yet.

    x_MCHW: as they came. moved: (M, c, H, W) each, what stands in place of its first channels, in order.
    """

    x_MCHW: Tensor
    moved: tuple[Tensor, ...]

    def whole(self) -> Tensor:
        """Channels that moved, then those that did not, innermost in memory like the features that came."""
        # The moved ones are stacked frame by frame and lie otherwise; torch.cat of both kinds would put the
        # channels outermost, and every convolution behind a shift would turn all its input.
        turned = [part_MCHW.contiguous(memory_format=torch.channels_last) for part_MCHW in self.moved]
        still_MCHW = self.x_MCHW[:, sum(part_MCHW.shape[1] for part_MCHW in turned) :]
        # A single moved channel counts as either kind; otherwise the whole is turned already.
        return torch.cat([*turned, still_MCHW], 1).contiguous(memory_format=torch.channels_last)


class TemporalShift(ABC):
    """Exchange channels between the frames of a clip; costs no multiply-add.

    keeps: a group needs what the groups before it left behind at the same stage.
    needs_whole_clip: only for schemes of one group, with the frames in time order.
    """

    keeps = False
    needs_whole_clip = False

    def __call__(self, x_MCHW: Tensor, frames: Frames, kept: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Shift the frames of each clip; return the result and what the next group needs (B, ...).

        `kept` is what the last call for the same clips, stage and place returned, None at first.
        """
        moved, kept = self.move(x_MCHW, frames, kept)
        return Shifted(x_MCHW, moved).whole() if moved else x_MCHW, kept

    @abstractmethod
    def move(
        self, x_MCHW: Tensor, frames: Frames, kept: Tensor | None
    ) -> tuple[tuple[Tensor, ...], Tensor | None]:
        """What comes in place of the first channels (see `Shifted`), and what the next group needs."""


class NoShift(TemporalShift):
    """Frames stay alone."""

    def move(self, x_MCHW: Tensor, frames: Frames, kept: Tensor | None) -> tuple[tuple[()], None]:
        return (), None


class OfflineShift(TemporalShift):
    """Channels [0, C/8) from the next frame, [C/8, 2C/8) from the previous one, zero at the ends.

    Needs all frames at once, in time order.
    """

    needs_whole_clip = True

    def move(self, x_MCHW: Tensor, frames: Frames, kept: Tensor | None) -> tuple[tuple[Tensor, Tensor], None]:
        one_BtcHW, other_BtcHW = _first_channels(x_MCHW, 2, len(frames))
        zero_B1cHW = torch.zeros_like(one_BtcHW[:, :1])
        from_next = torch.cat([one_BtcHW[:, 1:], zero_B1cHW], 1).flatten(0, 1)
        from_previous = torch.cat([zero_B1cHW, other_BtcHW[:, :-1]], 1).flatten(0, 1)
        return (from_next, from_previous), None


class OnlineShift(TemporalShift):
    """Channels [0, C/8) from the frame processed before, zero before the first.

    "Before" is the order of processing: across groups it is the last frame of the previous group.
    Keeps that frame's channels (B, c, H, W).
    """

    keeps = True

    def move(self, x_MCHW: Tensor, frames: Frames, kept: Tensor | None) -> tuple[tuple[Tensor], Tensor]:
        (moving_BtcHW,) = _first_channels(x_MCHW, 1, len(frames))
        from_before, kept = _from_frame_before(moving_BtcHW, kept)
        return (from_before,), kept


class NearestShift(TemporalShift):
    """Channels [0, C/8) from the nearest earlier frame in time that is there, zero where there is none.

    Of the frames processed so far, those of the own group included, it is the last one before the frame in
    time; in the order of `OnlineShift` the frame processed before may lie far behind or ahead. Beyond the
    paper. Keeps the channels of all frames so far (B, n, c, H, W).
    """

    keeps = True

    def move(self, x_MCHW: Tensor, frames: Frames, kept: Tensor | None) -> tuple[tuple[Tensor], Tensor]:
        (moving_BtcHW,) = _first_channels(x_MCHW, 1, len(frames))
        there_BncHW = moving_BtcHW.clone() if kept is None else torch.cat([kept, moving_BtcHW], 1)
        # Taken apart and put together: an index would be copied to the device at every call.
        sources = [*there_BncHW.unbind(1), torch.zeros_like(there_BncHW[:, 0])]
        moved = torch.stack([sources[place] for place in _nearest_earlier(frames)], 1).flatten(0, 1)
        return (moved,), there_BncHW


class TwoWayShift(TemporalShift):
    """Both ways inside a group, causal between groups: `OfflineShift` for as much as has been seen.

    Channels [0, C/8) from the next frame of the group, zero at its last; [C/8, 2C/8) from the frame
    processed before, as in `OnlineShift`. Beyond the paper. Keeps (B, c, H, W).
    """

    keeps = True

    def move(
        self, x_MCHW: Tensor, frames: Frames, kept: Tensor | None
    ) -> tuple[tuple[Tensor, Tensor], Tensor]:
        one_BncHW, other_BncHW = _first_channels(x_MCHW, 2, len(frames))
        one_BGtcHW = one_BncHW.unflatten(1, (len(frames.groups), -1))
        zero_BG1cHW = torch.zeros_like(one_BGtcHW[:, :, :1])
        from_next = torch.cat([one_BGtcHW[:, :, 1:], zero_BG1cHW], 2).flatten(0, 2)
        from_before, kept = _from_frame_before(other_BncHW, kept)
        return (from_next, from_before), kept


SHIFTS: dict[str, type[TemporalShift]] = {
    "none": NoShift,
    "offline": OfflineShift,
    "online": OnlineShift,
    "nearest": NearestShift,
    "two_way": TwoWayShift,
}


class Exchange:
    """A shift during one call of a stage: the backbone calls it at each place, always in the same order.

    kept_before: what the places left in the call for the groups before; empty for the first.
    keep: whether a later group goes through the stage.
    """

    def __init__(
        self, shift: TemporalShift, frames: Frames, kept_before: Sequence[Tensor] = (), keep: bool = True
    ) -> None:
        self.shift = shift
        self.frames = frames
        self._kept_before = iter(kept_before)
        self._kept: list[Tensor] = []
        self._keep = keep

    def __call__(self, x_MCHW: Tensor) -> Tensor:
        """The shifted features."""
        x_MCHW, kept = self.shift(x_MCHW, self.frames, next(self._kept_before, None))
        if kept is not None and self._keep:
            self._kept.append(kept)
        return x_MCHW

    @property
    def kept(self) -> tuple[Tensor, ...]:
        """What the places have left so far for the next group, each (B, ...)."""
        return tuple(self._kept)


def _first_channels(x_MCHW: Tensor, parts: int, frames: int) -> tuple[Tensor, ...]:
    """The first C/8 channels, the next C/8, as many parts as wanted, each by clip and frame (B, t, c, H, W).

    Cut off before they are told apart by frame: where channels lie innermost, an engine may have to turn
    whatever it tells apart.
    """
    c = x_MCHW.shape[1] // PARTS
    return tuple(x_MCHW[:, i * c : (i + 1) * c].unflatten(0, (-1, frames)) for i in range(parts))


def _from_frame_before(moving_BtcHW: Tensor, kept_BcHW: Tensor | None) -> tuple[Tensor, Tensor]:
    """The channels one frame on (M, c, H, W), and those of the last frame."""
    first_BcHW = torch.zeros_like(moving_BtcHW[:, 0]) if kept_BcHW is None else kept_BcHW
    moved = torch.cat([first_BcHW[:, None], moving_BtcHW[:, :-1]], 1).flatten(0, 1)
    # A copy is kept, so that the features of the whole group can be freed.
    return moved, moving_BtcHW[:, -1].clone()


@cache
def _nearest_earlier(frames: Frames) -> tuple[int, ...]:
    """For each frame, the place of its neighbour among all frames so far; one behind the last for none."""
    there = list(chain.from_iterable(frames.before))
    none = len(there) + len(frames)
    sources = []
    for group in frames.groups:
        there.extend(group)
        for time in group:
            earlier = [(other, place) for place, other in enumerate(there) if other < time]
            sources.append(max(earlier)[1] if earlier else none)
    return tuple(sources)
