"""The networks that weights come from, written out slowly: TSM's ResNet and the released MSDNet.

Legend: B clips, T frames, M = B·T images, C channels, H, W, N classes.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models
from torchvision.models import ResNet
from torchvision.models.resnet import BasicBlock, Bottleneck

Shape = tuple[int, ...]


def randomise(network: nn.Module, seed: int = 0) -> nn.Module:
    """In eval mode, with random weights and batch norms that do something."""
    draw = torch.Generator().manual_seed(seed)
    state = network.state_dict()
    network.load_state_dict(random_weights({name: tuple(v.shape) for name, v in state.items()}, draw))
    return network.eval()


def random_weights(shapes: Mapping[str, Shape], draw: torch.Generator) -> dict[str, Tensor]:
    """Weights that keep features in range: by their fan in, or near the usual values of batch norms."""
    weights: dict[str, Tensor] = {}
    for name, shape in shapes.items():
        if name.endswith("num_batches_tracked"):
            weights[name] = torch.tensor(7)
        elif name.endswith("running_var"):
            weights[name] = 0.5 + torch.rand(shape, generator=draw)
        elif len(shape) > 1:
            fan_in = torch.Size(shape[1:]).numel()
            weights[name] = torch.randn(shape, generator=draw) * (2 / fan_in) ** 0.5
        elif name.endswith("weight"):
            weights[name] = 0.2 + 0.4 * torch.rand(shape, generator=draw)
        else:
            weights[name] = 0.1 * torch.randn(shape, generator=draw)
    return weights


# TSM ---------------------------------------------------------------------------------------------------


class Shifted(nn.Module):
    """A convolution that reads an eighth of its channels from the next and another from the last frame."""

    def __init__(self, net: nn.Module, num_frames: int) -> None:
        super().__init__()
        self.net = net
        self.num_frames = num_frames

    def forward(self, x_MCHW: Tensor) -> Tensor:
        eighth = x_MCHW.shape[1] // 8
        shifted_MCHW = x_MCHW.clone()
        for m in range(len(x_MCHW)):
            t = m % self.num_frames
            shifted_MCHW[m, :eighth] = x_MCHW[m + 1, :eighth] if t + 1 < self.num_frames else 0
            shifted_MCHW[m, eighth : 2 * eighth] = x_MCHW[m - 1, eighth : 2 * eighth] if t > 0 else 0
        return self.net(shifted_MCHW)


class TSMNetwork(nn.Module):
    """A ResNet with shifts whose logits are averaged over the frames."""

    def __init__(self, block: str, layers: Sequence[int], num_frames: int, num_classes: int) -> None:
        super().__init__()
        self.num_frames = num_frames
        self.base_model = ResNet({"basic": BasicBlock, "bottleneck": Bottleneck}[block], list(layers))
        every = 2 if layers[2] >= 23 else 1
        for stage in range(1, 5):
            for i, residual in enumerate(self.base_model.get_submodule(f"layer{stage}")):
                if i % every == 0:
                    residual.conv1 = Shifted(residual.conv1, num_frames)
        self.new_fc = nn.Linear(self.base_model.fc.in_features, num_classes)
        self.base_model.fc = nn.Dropout(0.5)

    def forward(self, video_BTCHW: Tensor) -> Tensor:
        logits_MN = self.new_fc(self.base_model(video_BTCHW.flatten(0, 1)))
        return torch.stack([clip_TN.mean(0) for clip_TN in logits_MN.split(self.num_frames)])


# MSDNet ------------------------------------------------------------------------------------------------


def msdnet_shapes(
    blocks: int,
    base: int,
    step: int,
    channels: int,
    growth: int,
    growth_factors: Sequence[int],
    bottleneck_factors: Sequence[int],
    num_classes: int,
) -> dict[str, Shape]:
    """Names and shapes of the release's ImageNet form: prune "max", reduction 0.5, even steps."""
    shapes: dict[str, Shape] = {}
    scales, total = len(growth_factors), base + step * (blocks - 1)
    run = -(-total // scales)  # after so many layers the finest scale that is left is dropped

    def norm(name: str, width: int) -> None:
        for part in ("weight", "bias", "running_mean", "running_var"):
            shapes[f"{name}.{part}"] = (width,)
        shapes[f"{name}.num_batches_tracked"] = ()

    def conv(name: str, before: int, after: int, kernel: int, first: int = 0) -> None:
        shapes[f"{name}.net.{first}.weight"] = (after, before, kernel, kernel)
        norm(f"{name}.net.{first + 1}", after)

    def narrowed(name: str, before: int, after: int, factor: int) -> None:
        inner = min(before, factor * after)
        conv(name, before, inner, 1)
        conv(name, inner, after, 3, first=3)

    number = 0
    for block in range(blocks):
        place = 0
        if block == 0:
            wide = [channels * factor for factor in growth_factors]
            shapes["blocks.0.0.layers.0.0.weight"] = (wide[0], 3, 7, 7)
            shapes["blocks.0.0.layers.0.0.bias"] = (wide[0],)
            norm("blocks.0.0.layers.0.1", wide[0])
            for i in range(1, scales):
                conv(f"blocks.0.0.layers.{i}", wide[i - 1], wide[i], 3)
            place = 1
        for _ in range(base if block == 0 else step):
            number += 1
            finest_in, finest = max(0, number - 2) // run, (number - 1) // run
            for i in range(finest, scales):
                name, new = f"blocks.{block}.{place}.layers.{i - finest}", growth * growth_factors[i]
                if i > finest_in:
                    finer = channels * growth_factors[i - 1]
                    narrowed(f"{name}.conv_down", finer, new // 2, bottleneck_factors[i - 1])
                    new //= 2
                narrowed(f"{name}.conv_normal", channels * growth_factors[i], new, bottleneck_factors[i])
            place, channels = place + 1, channels + growth
            if finest > finest_in:
                for i in range(finest, scales):
                    before, after = (width * growth_factors[i] for width in (channels, channels // 2))
                    conv(f"blocks.{block}.{place}.m.{i - finest}", before, after, 1)
                place, channels = place + 1, channels // 2
        width = channels * growth_factors[-1]
        for i in (0, 1):
            conv(f"classifier.{block}.m.{i}", width, width, 3)
        shapes[f"classifier.{block}.linear.weight"] = (num_classes, width)
        shapes[f"classifier.{block}.linear.bias"] = (num_classes,)
    return shapes


def msdnet_logits(weights: Mapping[str, Tensor], images_MCHW: Tensor) -> list[Tensor]:
    """Logits (M, N) of every head of the release; which layers there are is read off the names."""

    def normed(x: Tensor, name: str) -> Tensor:
        mean, var, weight, bias = (
            weights[f"{name}.{part}"] for part in ("running_mean", "running_var", "weight", "bias")
        )
        return F.relu(F.batch_norm(x, mean, var, weight, bias))

    def conv(x: Tensor, name: str, stride: int = 1) -> Tensor:
        """One convolution, or a 1×1 one and then one of 3×3, which has the stride."""
        places = [i for i in (0, 3) if f"{name}.net.{i}.weight" in weights]
        for i in places:
            weight = weights[f"{name}.net.{i}.weight"]
            x = F.conv2d(
                x, weight, stride=stride if i == places[-1] else 1, padding=1 if weight.shape[-1] == 3 else 0
            )
            x = normed(x, f"{name}.net.{i + 1}")
        return x

    def there(name: str) -> bool:
        return any(key.startswith(f"{name}.") for key in weights)

    def layer(maps: list[Tensor], name: str) -> list[Tensor]:
        grown = []
        dropped = 1 if there(f"{name}.layers.0.conv_down") else 0
        for i in range(len(maps) - dropped):
            own = maps[i + dropped]
            parts = [own]
            if there(f"{name}.layers.{i}.conv_down"):
                parts.append(conv(maps[i + dropped - 1], f"{name}.layers.{i}.conv_down", stride=2))
            parts.append(conv(own, f"{name}.layers.{i}.conv_normal"))
            grown.append(torch.cat(parts, 1))
        return grown

    stem = "blocks.0.0.layers"
    x = F.conv2d(images_MCHW, weights[f"{stem}.0.0.weight"], weights[f"{stem}.0.0.bias"], 2, 3)
    maps = [F.max_pool2d(normed(x, f"{stem}.0.1"), 3, 2, 1)]
    while there(f"{stem}.{len(maps)}"):
        maps.append(conv(maps[-1], f"{stem}.{len(maps)}", stride=2))
    logits, block = [], 0
    while there(f"blocks.{block}"):
        place = 1 if block == 0 else 0
        while there(name := f"blocks.{block}.{place}"):
            if there(f"{name}.m"):
                maps = [conv(x, f"{name}.m.{i}") for i, x in enumerate(maps)]
            else:
                maps = layer(maps, name)
            place += 1
        head = f"classifier.{block}"
        x = conv(conv(maps[-1], f"{head}.m.0", stride=2), f"{head}.m.1", stride=2)
        x = F.avg_pool2d(x, 2).flatten(1)
        logits.append(F.linear(x, weights[f"{head}.linear.weight"], weights[f"{head}.linear.bias"]))
        block += 1
    return logits


# Shared by the tests -----------------------------------------------------------------------------------

FILE = Path("weights.pth")
SMALL = {"blocks": 3, "base": 2, "step": 2, "channels": 16, "growth": 8}
SMALL |= {"growth_factors": [1, 2, 4], "bottleneck_factors": [1, 2, 4]}


def state_of(network: nn.Module, prefix: str = "") -> dict[str, Tensor]:
    return {prefix + name: value.clone() for name, value in network.state_dict().items()}


@cache
def resnet18(num_classes: int = 1000) -> nn.Module:
    """Read only: the tests share it."""
    return randomise(models.resnet18(num_classes=num_classes))


def same(one: Mapping[str, Tensor], other: Mapping[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(one[name].equal(other[name]) for name in one)
