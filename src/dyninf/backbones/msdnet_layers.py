"""Layers of MSDNet. Attributes are named as in the authors' release, so that its weights load.

Legend: M = clips · frames, C channels, H, W, F features of a head. A map is (M, C, H, W); maps are one a
scale, fine to coarse.
"""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn

from dyninf.grid import Exchange

Maps = tuple[Tensor, ...]


class FirstLayer(nn.Module):
    """The stem, then a convolution of stride 2 for each coarser scale."""

    def __init__(self, channels: int, factors: Sequence[int], large_stem: bool) -> None:
        super().__init__()
        widths = [channels * factor for factor in factors]
        kernel = 7 if large_stem else 3
        stem = nn.Sequential(
            nn.Conv2d(3, widths[0], kernel, stride=2, padding=kernel // 2),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2, padding=1),
        )
        self.layers = nn.ModuleList([stem, *(Conv(a, b, 3, stride=2) for a, b in pairwise(widths))])

    def forward(self, images_MCHW: Tensor, exchange: Exchange) -> Maps:
        maps = [images_MCHW]
        for layer in self.layers:
            maps.append(layer(maps[-1]))
        return tuple(maps[1:])


class Layer(nn.Module):
    """Adds channels to every scale that is left, computed from this scale and the next finer one.

    place: of the exchange, ``dense`` or ``bottleneck`` (see `MSDNet`).
    """

    def __init__(
        self,
        scales_in: int,
        scales_out: int,
        channels: int,
        growth: int,
        factors: Sequence[int],
        bottlenecks: Sequence[int] | None,
        place: str,
    ) -> None:
        super().__init__()
        self.place = place
        self.dropped = scales_in - scales_out
        self.layers = nn.ModuleList()
        for i in range(len(factors) - scales_out, len(factors)):
            finest = len(factors) - scales_in
            finer = channels * factors[i - 1] if i > finest else None
            narrow = (None, None) if bottlenecks is None else (bottlenecks[i - 1], bottlenecks[i])
            self.layers.append(Growth(finer, channels * factors[i], growth * factors[i], narrow))

    def forward(self, maps: Maps, exchange: Exchange) -> Maps:
        # Once a scale, although two convolutions read it.
        read = tuple(exchange(x) for x in maps) if self.place == "dense" else maps
        inner = exchange if self.place == "bottleneck" else None
        grown = []
        for i, layer in enumerate(self.layers, self.dropped):
            grown.append(layer(maps[i], read[i], read[i - 1] if i > 0 else None, inner))
        return tuple(grown)


class Growth(nn.Module):
    """New channels of one scale behind those that are there.

    finer: channels of the next finer scale, which then gives half of the new ones; None at the finest.
    narrow: bottleneck factors of the finer and of the own scale.
    """

    def __init__(self, finer: int | None, own: int, new: int, narrow: tuple[int | None, int | None]) -> None:
        super().__init__()
        share = new if finer is None else new // 2
        if finer is not None:
            self.conv_down = Unit(finer, share, 2, narrow[0])
        self.conv_normal = Unit(own, share, 1, narrow[1])

    def forward(
        self, identity: Tensor, own: Tensor, finer: Tensor | None, exchange: Exchange | None
    ) -> Tensor:
        parts = [identity]
        if finer is not None:
            parts.append(self.conv_down(finer, exchange))
        return torch.cat([*parts, self.conv_normal(own, exchange)], 1)


class Unit(nn.Module):
    """Convolution 3×3 with batch norm and ReLU, behind a 1×1 one that keeps it cheap.

    narrow: the 1×1 convolution has this many times `after` channels, at most `before`; None for none.
    """

    def __init__(self, before: int, after: int, stride: int, narrow: int | None) -> None:
        super().__init__()
        inner = before if narrow is None else min(before, narrow * after)
        first = [] if narrow is None else [*Conv(before, inner, 1).net]
        self.inner_start = len(first)
        self.net = nn.Sequential(*first, *Conv(inner, after, 3, stride).net)

    def forward(self, x_MCHW: Tensor, exchange: Exchange | None) -> Tensor:
        for i, part in enumerate(self.net):
            if i == self.inner_start and exchange is not None:
                x_MCHW = exchange(x_MCHW)
            x_MCHW = part(x_MCHW)
        return x_MCHW


class Transition(nn.Module):
    """Fewer channels at every scale, by 1×1 convolutions; `factors` are those of the scales left."""

    def __init__(self, before: int, after: int, factors: Sequence[int]) -> None:
        super().__init__()
        self.m = nn.ModuleList([Conv(before * factor, after * factor, 1) for factor in factors])

    def forward(self, maps: Maps, exchange: Exchange) -> Maps:
        return tuple(conv(x) for conv, x in zip(self.m, maps, strict=True))


class Conv(nn.Module):
    """Convolution without bias, batch norm, ReLU."""

    def __init__(self, before: int, after: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(before, after, kernel, stride, padding=kernel // 2, bias=False),
            nn.BatchNorm2d(after),
            nn.ReLU(inplace=True),
        )

    def forward(self, x_MCHW: Tensor) -> Tensor:
        return cast(Tensor, self.net(x_MCHW))


class Head(nn.Module):
    """Two convolutions of stride 2 on the coarsest scale, pooling, a projection if wanted, linear."""

    def __init__(self, channels: int, width: int | None, num_classes: int) -> None:
        super().__init__()
        self.m = nn.Sequential(Conv(channels, channels, 3, stride=2), Conv(channels, channels, 3, stride=2))
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.project = (
            nn.Identity()
            if width is None
            else nn.Sequential(nn.Linear(channels, width), nn.BatchNorm1d(width))
        )
        self.linear = nn.Linear(channels if width is None else width, num_classes)

    def embed(self, coarsest_MCHW: Tensor) -> Tensor:
        """Features (M, F) of each frame."""
        return cast(Tensor, self.project(self.pool(self.m(coarsest_MCHW)).flatten(1)))
