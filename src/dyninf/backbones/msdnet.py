"""MSDNet: dense layers over several scales, cut into blocks that can each have a head.

Legend: M = clips · frames, C channels, H, W, F features of a head, S scales, fine to coarse.

Modules carry the parameter names of the authors' released code, so that its weights load as they are.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import ceil
from typing import cast

from torch import Tensor, nn

from dyninf.backbones.initialisation import kaiming
from dyninf.backbones.msdnet_layers import FirstLayer, Head, Layer, Maps, Transition
from dyninf.grid import Backbone, Exchange, Features

SHIFT_PLACES = ("dense", "bottleneck")


class MSDNet(Backbone):
    """Huang et al., ICLR 2018, in the form of the authors' PyTorch release; a stage is a block.

    A stage hands on one map a scale. Heads read the coarsest: convolution 3×3 of stride 2, twice, global
    average pooling (2×2 on the paper's 224² frames), linear.

    blocks, base, step: number of blocks; layers of the first and of each further block.
    channels, growth: channels of the finest scale at first, and how many each layer adds to it.
    growth_factors: one number a scale, by which `channels` and `growth` are multiplied there; as many as
        there are scales.
    bottleneck_factors: the 1×1 convolution before a 3×3 one has this many times the latter's channels;
        null for layers without it.
    prune: which scales a layer still computes: ``max`` drops the finest one after each S-th of the layers,
        ``min`` keeps just those from which the last layer can be reached.
    reduction: share of the channels behind a transition (where a scale is dropped; for ``min`` after each
        third of the layers); 0 for no transitions.
    large_stem: 7×7 convolution of stride 2 and max pooling; else the first convolution is 3×3 with stride 2,
        before the same pooling, for small frames.
    shift_place: where frames exchange channels. Never on the identity path: what a layer passes on to later
        layers is what it was given, so that an exchange is seen by one layer's convolutions alone.
        ``dense``: what the layer's convolutions read, once a scale; its first eighth are the oldest features.
        ``bottleneck``: between the 1×1 and the 3×3 convolution, on features made for this layer; needs
        `bottleneck_factors`, and keeps less.
    head_width: width F of a projection behind the pooling (see `ProjectedHead`), so that the heads of all
        stages have features of one width; null, as in the release, for none.
    dropout: before every classifier.

    Raises ValueError if lengths do not match, or a setting is out of its range.
    """

    def __init__(
        self,
        name: str,
        blocks: int,
        base: int,
        step: int,
        channels: int,
        growth: int,
        growth_factors: Sequence[int],
        bottleneck_factors: Sequence[int] | None,
        prune: str = "max",
        reduction: float = 0.5,
        large_stem: bool = True,
        shift_place: str = "dense",
        head_width: int | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.name = name
        if blocks < 1:
            raise ValueError(f"{name}: blocks must be 1 or more, got {blocks}")
        odd = [factor for factor in growth_factors[1:] if growth * factor % 2]
        if odd:  # half of the new channels come from the finer scale
            raise ValueError(f"{name}: growth {growth} times factor {odd[0]} is odd; choose an even number")
        steps = [base] + [step] * (blocks - 1)
        plans = _plan(name, steps, channels, growth, len(growth_factors), prune, reduction)
        if bottleneck_factors is not None and len(bottleneck_factors) != len(growth_factors):
            raise ValueError(
                f"{name}: {len(bottleneck_factors)} bottleneck factors for {len(growth_factors)} scales"
            )
        if shift_place not in SHIFT_PLACES or (shift_place == "bottleneck" and bottleneck_factors is None):
            raise ValueError(
                f"{name}: shift_place={shift_place!r}; choose one of {', '.join(SHIFT_PLACES)}, "
                "the latter with bottleneck_factors only"
            )
        self.variant = f"shift_place={shift_place}"
        self.stage_names = tuple(f"block{i}" for i in range(1, blocks + 1))
        self.head_stages = tuple(range(1, blocks + 1))
        self.head_width = head_width
        self.widths: list[int] = []
        self.blocks = nn.ModuleList()
        for block in plans:
            layers: list[nn.Module] = []
            for plan in block:
                if plan.number == 1:
                    layers.append(FirstLayer(channels, growth_factors, large_stem))
                layers.append(
                    Layer(
                        plan.scales_in,
                        plan.scales_out,
                        plan.before,
                        growth,
                        growth_factors,
                        bottleneck_factors,
                        shift_place,
                    )
                )
                if plan.behind != plan.before + growth:
                    factors = growth_factors[-plan.scales_out :]
                    layers.append(Transition(plan.before + growth, plan.behind, factors))
            self.blocks.append(nn.Sequential(*layers))
            self.widths.append(block[-1].behind * growth_factors[-1])
        self.dropout = nn.Dropout(dropout)
        kaiming(self)

    def attach_heads(self, stages: Sequence[int], num_classes: int) -> None:
        if hasattr(self, "classifier"):
            raise ValueError(f"this {self.name} has heads already; a network needs a backbone of its own")
        # Numbers from 0, as in the release.
        self.classifier = nn.ModuleDict(
            {str(d - 1): Head(self.widths[d - 1], self.head_width, num_classes) for d in stages}
        )
        kaiming(self.classifier)

    def run_stage(self, stage: int, features_M: Features, exchange: Exchange) -> Features:
        for layer in cast(Iterable[nn.Module], self.blocks[stage - 1]):
            features_M = layer(features_M, exchange)
        return features_M

    def embed(self, stage: int, features_M: Features) -> Tensor:
        return self._head(stage).embed(cast(Maps, features_M)[-1])

    def classifier_of(self, stage: int) -> nn.Linear:
        return self._head(stage).linear

    def _head(self, stage: int) -> "Head":
        return cast(Head, self.classifier[str(stage - 1)])


@dataclass(frozen=True)
class LayerPlan:
    """One layer: its number from 1, how many scales it reads and gives, channels per growth factor."""

    number: int
    scales_in: int
    scales_out: int
    before: int
    behind: int


def _plan(
    name: str, steps: Sequence[int], channels: int, growth: int, scales: int, prune: str, reduction: float
) -> Iterator[list[LayerPlan]]:
    """The layers of each block."""
    total, number = sum(steps), 0
    if min(steps) < 1 or scales < 1 or not 0 <= reduction < 1:
        raise ValueError(
            f"{name}: need layers in every block, a scale, and 0 <= reduction < 1; "
            f"got {list(steps)} layers, {scales} scales, reduction {reduction}"
        )
    if prune not in ("max", "min"):
        raise ValueError(f"{name}: prune={prune!r} is unknown; choose max or min")
    for step in steps:
        block = []
        for _ in range(step):
            number += 1
            scales_in, scales_out = (
                min(scales, total - number + 2) if prune == "min" else _left(number - 1, total, scales),
                min(scales, total - number + 1) if prune == "min" else _left(number, total, scales),
            )
            thins = scales_in > scales_out if prune == "max" else number in (total // 3, 2 * total // 3)
            behind = channels + growth
            if thins and reduction > 0:
                behind = int(reduction * behind)
            block.append(LayerPlan(number, scales_in, scales_out, channels, behind))
            channels = behind
        yield block


def _left(number: int, total: int, scales: int) -> int:
    """Scales left at a layer when the finest is dropped after each of S equal runs of layers."""
    return scales - max(0, number - 1) // ceil(total / scales)
