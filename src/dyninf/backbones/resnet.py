"""ResNet in four stages, res2 to res5, with torchvision's parameter names.

Legend: B clips, M = clips · frames, C channels, H, W, F features of a head, N classes.
"""

from collections.abc import Iterable, Sequence
from typing import cast

from torch import Tensor, nn
from torchvision.models import resnet as torchvision_resnet

from dyninf.backbones.heads import ProjectedHead
from dyninf.backbones.initialisation import kaiming
from dyninf.grid import Backbone, Exchange, Features


class ResNet(Backbone):
    """He et al. 2016, as in torchvision (stride on the 3×3 convolution of a bottleneck).

    A torchvision state dict loads into it as it is; the heads of earlier stages are then missing, and
    torchvision's ``fc`` is the head of the last stage.

    block: ``basic`` or ``bottleneck``.
    layers: blocks of each of the four stages.
    width: channels of the first stage's blocks; each further stage has twice as many.
    large_stem: 7×7 convolution of stride 2 before the max pooling; else 3×3, for small frames.
    head_width: width F of the projection in the heads of earlier stages (2048 in the paper's instances,
        a fit to its parameter counts).
    dropout: before every classifier.

    The temporal shift comes before the first convolution of a residual branch (Lin et al. 2019): of every
    block, or of every second where the third stage has 23 blocks or more.
    """

    stage_names = ("res2", "res3", "res4", "res5")
    head_stages = (2, 3, 4)

    def __init__(
        self,
        name: str,
        block: str,
        layers: Sequence[int],
        width: int = 64,
        large_stem: bool = True,
        head_width: int = 2048,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        if block not in BLOCKS or len(layers) != 4:
            raise ValueError(
                f"{name}: need block in {sorted(BLOCKS)} and four numbers of layers, "
                f"got block={block!r}, layers={list(layers)}"
            )
        self.name = name
        kernel = 7 if large_stem else 3
        self.conv1 = nn.Conv2d(3, width, kernel, stride=2, padding=kernel // 2, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.channels = [width * 2**i * BLOCKS[block].expansion for i in range(4)]
        before = width
        for i, count in enumerate(layers):
            blocks = _make_blocks(BLOCKS[block], before, width * 2**i, count, stride=1 if i == 0 else 2)
            self.add_module(f"layer{i + 1}", blocks)
            before = self.channels[i]
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.dropout = nn.Dropout(dropout)
        self.head_width = head_width
        self.shift_every = 2 if layers[2] >= 23 else 1
        kaiming(self)

    def attach_heads(self, stages: Sequence[int], num_classes: int) -> None:
        if hasattr(self, "heads"):
            raise ValueError(f"this {self.name} has heads already; a network needs a backbone of its own")
        last = len(self.stage_names)
        self.heads = nn.ModuleDict(
            {
                self.stage_names[stage - 1]: ProjectedHead(
                    self.channels[stage - 1], self.head_width, num_classes
                )
                for stage in stages
                if stage != last
            }
        )
        if last in stages:
            self.fc = nn.Linear(self.channels[-1], num_classes)

    def run_stage(self, stage: int, features_M: Features, exchange: Exchange) -> Features:
        x_MCHW = cast(Tensor, features_M)
        if stage == 1:
            x_MCHW = self.maxpool(self.relu(self.bn1(self.conv1(x_MCHW))))
        for i, block in enumerate(cast(Iterable[nn.Module], self.get_submodule(f"layer{stage}"))):
            x_MCHW = block(x_MCHW, exchange(x_MCHW) if i % self.shift_every == 0 else x_MCHW)
        return x_MCHW

    def embed(self, stage: int, features_M: Features) -> Tensor:
        pooled_MC = self.avgpool(cast(Tensor, features_M)).flatten(1)
        if stage == len(self.stage_names):
            return pooled_MC
        return self._head(stage).embed(pooled_MC)

    def classifier_of(self, stage: int) -> nn.Linear:
        return self.fc if stage == len(self.stage_names) else self._head(stage).classifier

    def _head(self, stage: int) -> ProjectedHead:
        return cast(ProjectedHead, self.heads[self.stage_names[stage - 1]])


class BasicBlock(torchvision_resnet.BasicBlock):
    """torchvision's block whose residual branch reads shifted features."""

    def forward(self, x_MCHW: Tensor, branch_MCHW: Tensor) -> Tensor:  # type: ignore[override]
        out_MCHW = self.relu(self.bn1(self.conv1(branch_MCHW)))
        out_MCHW = self.bn2(self.conv2(out_MCHW))
        return cast(Tensor, self.relu(out_MCHW + _identity(self, x_MCHW)))


class Bottleneck(torchvision_resnet.Bottleneck):
    """torchvision's block whose residual branch reads shifted features."""

    def forward(self, x_MCHW: Tensor, branch_MCHW: Tensor) -> Tensor:  # type: ignore[override]
        out_MCHW = self.relu(self.bn1(self.conv1(branch_MCHW)))
        out_MCHW = self.relu(self.bn2(self.conv2(out_MCHW)))
        out_MCHW = self.bn3(self.conv3(out_MCHW))
        return cast(Tensor, self.relu(out_MCHW + _identity(self, x_MCHW)))


BLOCKS: dict[str, type[BasicBlock] | type[Bottleneck]] = {"basic": BasicBlock, "bottleneck": Bottleneck}


def _identity(block: BasicBlock | Bottleneck, x_MCHW: Tensor) -> Tensor:
    return x_MCHW if block.downsample is None else block.downsample(x_MCHW)


def _make_blocks(
    block: type[BasicBlock] | type[Bottleneck], before: int, width: int, count: int, stride: int
) -> nn.Sequential:
    after = width * block.expansion
    downsample = None
    if stride != 1 or before != after:
        downsample = nn.Sequential(
            nn.Conv2d(before, after, 1, stride=stride, bias=False),
            nn.BatchNorm2d(after),
        )
    first = block(before, width, stride, downsample)
    return nn.Sequential(first, *(block(after, width) for _ in range(count - 1)))
