"""Networks with random weights, clips for them, and slow obvious ways to look at both.

Legend: B clips, T frames, C, H, W, K checkpoints, N classes.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn

import dyninf
from dyninf.grid import Network
from dyninf.trace import Trace

NUM_CLASSES = 5
SIZE = 32


def random_network(
    backbone: str, scheme: str, num_frames: int, seed: int = 0, **overrides: object
) -> Network:
    """In eval mode, with batch norms that do something and probabilities that are neither flat nor 1."""
    torch.manual_seed(seed)
    network = dyninf.build_network(backbone, scheme, NUM_CLASSES, num_frames, **overrides)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
                module.weight.uniform_(0.5, 1)
                module.bias.normal_(0, 0.1)
        for name, module in network.named_modules():
            # The last norm of a residual branch; with a larger one, 16 blocks in a row blow up the features.
            if name.endswith((".bn2", ".bn3")):
                module.weight.mul_(0.4)
        network.eval()
        logits_BKN = network(random_clips(4, num_frames, size=SIZE))
        assert logits_BKN.isfinite().all()
        for k, checkpoint in enumerate(network.checkpoints):
            if checkpoint in first_at_their_stage(network):
                classifier = network.backbone.classifier_of(checkpoint.cell.stage)
                classifier.weight.div_(logits_BKN[:, k].std(-1).mean())
                classifier.bias.normal_(0, 0.1)
    return network


def first_at_their_stage(network: Network) -> list:
    """The checkpoint of each stage that comes first on the route."""
    return list({checkpoint.stage: checkpoint for checkpoint in reversed(network.checkpoints)}.values())


def random_clips(clips: int, num_frames: int, size: int = SIZE, seed: int = 1) -> Tensor:
    """Videos (B, T, 3, H, W) of noise, different enough in contrast and colour for a random network."""
    draw = torch.Generator().manual_seed(seed)
    noise_BTCHW = torch.randn(clips, num_frames, 3, size, size, generator=draw)
    colour_BTC11 = 2 * torch.randn(clips, num_frames, 3, 1, 1, generator=draw)
    contrast_B1111 = torch.linspace(0.3, 2, clips).view(-1, 1, 1, 1, 1)
    return contrast_B1111 * (noise_BTCHW + colour_BTC11)


@dataclass(frozen=True)
class Setting:
    """A network with five clips, its logits for them in one pass, and the trace of the five."""

    backbone: str
    scheme: str
    network: Network
    video_BTCHW: Tensor
    logits_BKN: Tensor
    trace: Trace


@dataclass(frozen=True)
class Labelled:
    """A batch as loaders give it."""

    video: Tensor
    label: Tensor
    video_id: Sequence[str]


def labelled(video_BTCHW: Tensor, name: str = "clip") -> Labelled:
    """With labels that go round and ids that count."""
    clips = len(video_BTCHW)
    return Labelled(video_BTCHW, torch.arange(clips) % NUM_CLASSES, [f"{name}-{i}" for i in range(clips)])


def thresholds_that_split(scores_VK: Tensor, start: int = 0, gap: float = 1e-3) -> list[float]:
    """A threshold a checkpoint; from `start` on, some of the videos that are there leave and some go on.

    Each lies in the middle of a gap between occurring scores that no rounding error can bridge.
    """
    there = scores_VK
    thresholds = [2.0] * start
    for k in range(start, scores_VK.shape[1] - 1):
        middles = gap_middles(there[:, k], gap)
        thresholds.append(middles[-1] if middles else 2.0)
        there = there[there[:, k] < thresholds[-1]]
    return thresholds


def gap_middles(scores: Tensor, gap: float = 1e-3) -> list[float]:
    """Middles of the gaps of at least `gap` between neighbouring scores, ascending."""
    ordered = scores.double().flatten().sort().values
    wide = ordered.diff() > gap
    return ((ordered[1:] + ordered[:-1]) / 2)[wide].tolist()


def relative_difference(found: Tensor, expected: Tensor) -> float:
    """Largest difference in units of the largest expected value."""
    assert found.shape == expected.shape
    return ((found - expected).abs().max() / expected.abs().max()).item()


class MacCounter:
    """What has really run since the start.

    macs: multiply-adds of convolutions and matrix products. idle: how many of these ran for no clip at all.
    """

    def __init__(self) -> None:
        self.macs = 0
        self.idle = 0

    def see(self, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        self.idle += output.numel() == 0
        if isinstance(module, nn.Conv2d):
            taps = module.kernel_size[0] * module.kernel_size[1] * module.in_channels // module.groups
            self.macs += output.numel() * taps
        elif isinstance(module, nn.Linear):
            self.macs += output.numel() * module.in_features


@contextmanager
def counted(network: Network) -> Iterator[MacCounter]:
    """Watch every convolution and every linear layer of `network`."""
    counter = MacCounter()
    handles = [
        module.register_forward_hook(counter.see)
        for module in network.modules()
        if isinstance(module, (nn.Conv2d, nn.Linear))
    ]
    # A layer with weights of a kind that the counter does not know would run unseen.
    owners = {type(m) for m in network.modules() if next(m.parameters(recurse=False), None) is not None}
    assert owners <= {nn.Conv2d, nn.Linear, nn.BatchNorm1d, nn.BatchNorm2d}
    try:
        yield counter
    finally:
        for handle in handles:
            handle.remove()
