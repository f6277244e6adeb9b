"""The temporal shift folded into the convolutions behind it.

Legend: M = clips · frames, T frames, C channels of which c move, H, W.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from dyninf.grid import Frames, Network, NoShift, Shifted, TemporalShift
from dyninf.runtime.engines.surgery import Notes, put, watch

TOLERANCE = 1e-3


class ShiftedConv2d(nn.Module):
    """A convolution that takes shifted features apart: one of the features as they came, without the channels
    that moved, plus one of what came in their place. c channels are copied then, not C.

    moved: how many channels c. The convolution costs c/C more multiply-adds, by zero: a slice of the
        features, which would save those, is a copy again.
    """

    def __init__(self, conv: nn.Conv2d, moved: int) -> None:
        super().__init__()
        self.still = _with_weight(conv, conv.weight, conv.bias)
        with torch.no_grad():
            self.still.weight[:, :moved] = 0
        self.moved = _with_weight(conv, conv.weight[:, :moved], None)

    def forward(self, features: Shifted) -> Tensor:
        moved_McHW = features.moved[0] if len(features.moved) == 1 else torch.cat(features.moved, 1)
        return self.still(features.x_MCHW) + self.moved(moved_McHW)  # type: ignore[no-any-return]


class _Wrapped(TemporalShift):
    """Another shift, with something done to what it gives."""

    def __init__(self, shift: TemporalShift) -> None:
        self._shift = shift
        self.keeps, self.needs_whole_clip = shift.keeps, shift.needs_whole_clip  # type: ignore[misc]

    def move(
        self, x_MCHW: Tensor, frames: Frames, kept: Tensor | None
    ) -> tuple[tuple[Tensor, ...], Tensor | None]:
        return self._shift.move(x_MCHW, frames, kept)


class _Apart(_Wrapped):
    """Hands on what it moves, for `ShiftedConv2d`."""

    def __call__(self, x_MCHW: Tensor, frames: Frames, kept: Tensor | None) -> tuple[Any, Tensor | None]:
        moved, kept = self.move(x_MCHW, frames, kept)
        return Shifted(x_MCHW, moved), kept


class _Watched(_Wrapped):
    """Notes what it gave, with the number of channels that moved."""

    def __init__(self, shift: TemporalShift) -> None:
        super().__init__(shift)
        self.gave: Notes[int] = Notes()

    def __call__(self, x_MCHW: Tensor, frames: Frames, kept: Tensor | None) -> tuple[Tensor, Tensor | None]:
        moved, kept = self.move(x_MCHW, frames, kept)
        shifted_MCHW = Shifted(x_MCHW, moved).whole()
        self.gave.add(shifted_MCHW, sum(part.shape[1] for part in moved))
        return shifted_MCHW, kept


def fold_shift(network: Network, video_1TCHW: Tensor) -> None:
    """Have convolutions take shifted features apart, if convolutions alone read them."""
    shift = network.shift
    if isinstance(shift, NoShift):
        return
    network.shift = watched = _Watched(shift)
    read: dict[nn.Module, set[int]] = {}

    def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        for value in inputs:
            read.setdefault(module, set()).add(watched.gave.get(value) or 0)

    expected_1KN = watch(network, video_1TCHW, note)
    network.shift = shift
    readers = {module: found for module, found in read.items() if found != {0}}
    if not readers or not all(_can_take_apart(module, found) for module, found in readers.items()):
        return
    names = {module: name for name, module in network.named_modules()}
    for module, (channels,) in readers.items():
        assert isinstance(module, nn.Conv2d)
        put(network, names[module], ShiftedConv2d(module, channels))
    network.shift = _Apart(shift)
    if not _gives(network, video_1TCHW, expected_1KN):  # something that is no layer reads them too
        network.shift = shift
        for module in readers:
            put(network, names[module], module)


def _gives(network: Network, video_1TCHW: Tensor, expected_1KN: Tensor) -> bool:
    try:
        found_1KN = watch(network, video_1TCHW)
    except Exception:  # whatever a backbone says to features that are not put together
        return False
    return bool((found_1KN - expected_1KN).abs().max() <= TOLERANCE * expected_1KN.abs().max())


def _can_take_apart(module: nn.Module, channels: set[int]) -> bool:
    """Whether it is a convolution that always reads shifted features with so many channels moved."""
    return type(module) is nn.Conv2d and module.groups == 1 and len(channels) == 1


def _with_weight(conv: nn.Conv2d, weight: Tensor, bias: Tensor | None) -> nn.Conv2d:
    made = nn.Conv2d(
        weight.shape[1],
        conv.out_channels,
        conv.kernel_size,  # type: ignore[arg-type]
        conv.stride,  # type: ignore[arg-type]
        conv.padding,  # type: ignore[arg-type]
        conv.dilation,  # type: ignore[arg-type]
        bias=bias is not None,
        padding_mode=conv.padding_mode,
    )
    made.weight = nn.Parameter(weight.detach().clone())
    if bias is not None:
        made.bias = nn.Parameter(bias.detach().clone())
    return made
