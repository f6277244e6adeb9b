"""Networks with random weights, clips for them, and slow obvious ways to look at both.

Legend: B clips, T frames, C, H, W, K checkpoints, N classes.
"""

import importlib.util
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

import dyninf
from dyninf.backbones import CutNetwork
from dyninf.grid import Network, gate_inputs
from dyninf.trace import Trace

NUM_CLASSES = 5
SIZE = 32
EXTRAS = {  # backbones whose package does not come with dyninf
    "timm": "timm",
    "timm_mobilenetv3_small": "timm",
    "efficientnet_lite0": "efficientnet_lite_pytorch",
}


def random_network(
    backbone: str, scheme: str, num_frames: int, seed: int = 0, gates: int = 0, **overrides: object
) -> Network:
    """In eval mode, with norms that do something and probabilities that are neither flat nor 1.

    gates: their width; 0 for none. Their scores are neither all alike nor 0 or 1.
    """
    require_extra(backbone)
    torch.manual_seed(seed)
    network = dyninf.build_network(backbone, scheme, NUM_CLASSES, num_frames, **overrides)
    with torch.no_grad():
        make_norms_matter(network)
        for name, module in network.named_modules():
            # The last norm of a residual branch; with a larger one, 16 blocks in a row blow up the features.
            if name.endswith((".bn2", ".bn3")):
                module.weight.mul_(0.4)
            # The last convolution of squeeze and excitation; gates wide open for one clip, in a dozen blocks,
            # blow up its features.
            if name.endswith((".fc2", ".conv_expand")):
                module.weight.mul_(0.1)
        if isinstance(network.backbone, CutNetwork):
            settle(network, num_frames)
        network.eval()
        logits_BKN = network(random_clips(4, num_frames, size=SIZE))
        assert logits_BKN.isfinite().all()
        for k, checkpoint in enumerate(network.checkpoints):
            if checkpoint in first_at_their_stage(network):
                classifier = network.backbone.classifier_of(checkpoint.cell.stage)
                classifier.weight.div_(logits_BKN[:, k].std(-1).mean())
                classifier.bias.normal_(0, 0.1)
        if gates:
            attach_random_gates(network, gates)
    return network


def attach_random_gates(network: Network, width: int) -> None:
    """Gates whose log odds for random clips have mean 0 and standard deviation 1."""
    network.attach_gates(width)
    places = network.states(random_clips(8, network.num_frames))
    for gate, place in zip(network.gates, places, strict=False):
        odds_B = gate(gate_inputs(network.features_at(*place), network.predict(*place)))
        gate.output.weight.div_(odds_B.std())
        gate.output.bias.sub_(odds_B.mean()).div_(odds_B.std())


def require_extra(backbone: str) -> None:
    """Skip the test if it needs a package that is not installed; never where CI is set."""
    if backbone in EXTRAS:
        require_package(EXTRAS[backbone])


def require_package(package: str) -> None:
    """Skip the test if a package of an extra is not installed; never where CI is set."""
    if importlib.util.find_spec(package) is None and os.environ.get("CI") != "true":
        pytest.skip(f"needs {package}")


def make_norms_matter(module: nn.Module) -> None:
    """Statistics, scales and shifts that cannot be left out unnoticed."""
    with torch.no_grad():
        for part in module.modules():
            if isinstance(part, _BatchNorm):
                part.running_mean.normal_(0, 0.1)
                part.running_var.uniform_(0.5, 1.5)
            if isinstance(part, (_BatchNorm, nn.LayerNorm)):
                part.weight.uniform_(0.5, 1)
                part.bias.normal_(0, 0.1)
            if hasattr(part, "layer_scale"):
                part.layer_scale.uniform_(0.2, 0.6)


def settle(network: Network, num_frames: int) -> None:
    """Batch statistics that are right but for some noise: dozens of layers with wrong ones lose the input."""
    norms = [part for part in network.modules() if isinstance(part, _BatchNorm)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 1.0
    network.train()(random_clips(4, num_frames))
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
        norm.running_mean.add_(0.1 * norm.running_var.sqrt() * torch.randn_like(norm.running_mean))
        norm.running_var.mul_(torch.empty_like(norm.running_var).uniform_(0.8, 1.3))


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
    for module in network.modules():
        own = {name for name, _ in module.named_parameters(recurse=False)}
        known = isinstance(module, (nn.Conv2d, nn.Linear, _BatchNorm, nn.LayerNorm))
        assert known or own <= {"layer_scale"}, type(module)
    try:
        yield counter
    finally:
        for handle in handles:
            handle.remove()
