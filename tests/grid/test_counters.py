"""Counted here, by fvcore, by torch and in the way of MSDNet's authors: the same network, four conventions.

Legend: B clips, T frames, C, H, W, K checkpoints.

Units. Ours and torch's: multiply-adds of convolutions and linears, of which torch counts each as 2. fvcore's
total also has 2 for each element that a batch norm reads and 1 for each that an adaptive pooling reads. That
of MSDNet's authors: see `by_the_authors`.
"""

import itertools
from collections import Counter

import pytest
import torch
from fvcore.nn import FlopCountAnalysis
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

import dyninf
from dyninf.grid import Network

# Cumulative, in millions, of one 224x224 frame. Ours are at 400 classes, the other two as published at 1000.
OURS = (611.69, 1430.08, 2275.29, 2958.53, 3244.18)
FVCORES = (618, 1440, 2288, 2973, 3260)
AUTHORS = (615.69, 1436.39, 2283.21, 2967.42, 3253.79)


def on_meta(backbone: str, scheme: str, num_classes: int, num_frames: int) -> Network:
    """In evaluation mode, with shapes alone."""
    with torch.device("meta"):
        return dyninf.build_network(backbone, scheme, num_classes, num_frames).eval()


def fvcore(network: nn.Module, video_BTCHW: Tensor) -> FlopCountAnalysis:
    analysis = FlopCountAnalysis(network, video_BTCHW)
    return analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False)


def by_the_authors(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> int:
    """What the counter in MSDNet's release has for one call of a layer.

    A convolution: multiply-adds, without bias. A linear: its weights and biases. A ReLU: the elements that it
    reads. A pooling: the area of its window times the elements that it gives; all others nothing.
    """
    if isinstance(module, nn.Conv2d):
        return output.numel() * module.weight[0].numel()
    if isinstance(module, nn.Linear):
        return module.weight.numel() + module.bias.numel()
    if isinstance(module, nn.ReLU):
        return inputs[0].numel()
    if isinstance(module, nn.MaxPool2d):
        return module.kernel_size**2 * output.numel()
    if isinstance(module, nn.AdaptiveAvgPool2d):
        # The release has a window of 2x2 here, which on frames of 224x224 is the whole map.
        assert inputs[0].shape[-2:] == (2, 2)
        return inputs[0].shape[-2:].numel() * output.numel()
    return 0


def block_by_block(cumulative: list[float] | tuple[float, ...]) -> list[float]:
    """What each checkpoint adds."""
    return [after - before for before, after in itertools.pairwise((0, *cumulative))]


@pytest.mark.parametrize("scheme", ["plain", "depth"])
@pytest.mark.parametrize("backbone", ["resnet50", "msdnet38"])
def test_fvcore_and_torch_count_the_same_multiply_adds(backbone: str, scheme: str) -> None:
    network = dyninf.build_network(backbone, scheme, num_classes=400, num_frames=1).eval()
    video_BTCHW = torch.zeros(1, 1, 3, 64, 64)
    operators = fvcore(network, video_BTCHW).by_operator()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(video_BTCHW)
    macs = network.costs(64, 64).macs_K[-1].item()
    assert macs == operators["conv"] + operators["linear"]
    assert 2 * macs == counter.get_total_flops()
    assert set(operators) - {"conv", "linear"} <= {"batch_norm", "adaptive_avg_pool2d"}
    assert 0 < operators["batch_norm"] < 0.01 * macs


def test_our_costs_of_msdnet38_checkpoint_by_checkpoint() -> None:
    network = on_meta("msdnet38", "depth", 400, 1)
    assert [round(macs / 1e6, 2) for macs in network.costs(224, 224).macs_K.tolist()] == list(OURS)


def test_fvcores_count_of_msdnet38_is_the_reference_with_batch_norm() -> None:
    network = dyninf.build_network("msdnet38", "depth", num_classes=1000, num_frames=1).eval()
    analysis = fvcore(network, torch.zeros(1, 1, 3, 224, 224))
    modules = analysis.by_module()
    added = [modules[f"backbone.blocks.{i}"] + modules[f"backbone.classifier.{i}"] for i in range(5)]
    assert sum(added) == analysis.total()
    millions = [macs / 1e6 for macs in itertools.accumulate(added)]
    assert millions == pytest.approx(FVCORES, rel=0.005)
    assert block_by_block(millions) == pytest.approx(block_by_block(FVCORES), rel=0.005)


def test_the_authors_way_of_counting_msdnet38_gives_the_authors_figures() -> None:
    network = on_meta("msdnet38", "depth", 1000, 1)
    added: Counter[int] = Counter()
    for part, i in itertools.product(("blocks", "classifier"), range(5)):
        for module in network.backbone.get_submodule(f"{part}.{i}").modules():
            module.register_forward_hook(
                lambda *call, block=i: added.update({block: by_the_authors(*call)})  # type: ignore[misc]
            )
    with torch.no_grad():
        network(torch.zeros(1, 1, 3, 224, 224, device="meta"))
    millions = [macs / 1e6 for macs in itertools.accumulate(added[i] for i in range(5))]
    assert [round(macs, 2) for macs in millions] == list(AUTHORS)


def test_16_frames_of_msdnet38_cost_what_the_paper_says() -> None:
    assert on_meta("msdnet38", "depth", 400, 16).costs(224, 224).gmacs_K[-1] == pytest.approx(52.06, abs=0.3)
