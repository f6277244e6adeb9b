"""ResNets are torchvision's, cut into stages.

Legend: B clips, T frames, C, H, W, N classes.
"""

import pytest
import torch
from tests.networks import random_clips, random_network, relative_difference
from torch import nn
from torchvision import models

import dyninf
from dyninf.backbones import ResNet
from dyninf.grid import Exchange, Frames, NoShift, OfflineShift, OnlineShift


def torchvision_network(name: str) -> nn.Module:
    """The network of torchvision, with random weights and batch norms that do something."""
    torch.manual_seed(3)
    network = getattr(models, name)(weights=None)
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.running_mean.normal_(0, 0.1)
                module.running_var.uniform_(0.5, 1.5)
                module.weight.uniform_(0.2, 0.6)
                module.bias.normal_(0, 0.1)
    return network.eval()


@pytest.mark.parametrize("name", ["resnet18", "resnet34", "resnet50"])
def test_a_torchvision_state_dict_loads_and_gives_torchvisions_logits(name: str) -> None:
    expected = torchvision_network(name)
    # The shift is off: with one frame it has no neighbour and would put zeros into the moved channels.
    network = dyninf.build_network(name, scheme="plain", num_classes=1000, num_frames=1, shift="none").eval()
    network.backbone.load_state_dict(expected.state_dict(), strict=True)
    video_BTCHW = torch.randn(2, 1, 3, 64, 96)
    with torch.inference_mode():
        assert relative_difference(network(video_BTCHW)[:, 0], expected(video_BTCHW[:, 0])) <= 1e-4


def test_a_torchvision_state_dict_fits_resnet101() -> None:
    with torch.device("meta"):
        expected = models.resnet101(weights=None).state_dict()
    network = dyninf.build_network("resnet101", scheme="plain", num_classes=1000, num_frames=1)
    own = network.backbone.state_dict()
    assert list(own) == list(expected)
    assert all(own[key].shape == expected[key].shape for key in own)


@pytest.mark.parametrize("name", ["resnet18", "resnet50"])
def test_a_torchvision_state_dict_lacks_only_the_heads_of_earlier_stages(name: str) -> None:
    network = dyninf.build_network(name, scheme="joint", num_classes=1000, num_frames=4)
    found = network.backbone.load_state_dict(torchvision_network(name).state_dict(), strict=False)
    assert found.unexpected_keys == []
    assert found.missing_keys
    assert all(key.startswith(("heads.res3.", "heads.res4.")) for key in found.missing_keys)


def test_the_logits_of_several_frames_are_the_mean_over_frames_without_a_shift() -> None:
    expected = torchvision_network("resnet18")
    network = dyninf.build_network(
        "resnet18", scheme="plain", num_classes=1000, num_frames=3, shift="none"
    ).eval()
    network.backbone.load_state_dict(expected.state_dict())
    video_BTCHW = random_clips(2, 3)
    with torch.inference_mode():
        # The classifier is linear, so the mean of logits is the logits of mean features.
        mean_BN = torch.stack([expected(video_BTCHW[:, frame]) for frame in range(3)]).mean(0)
        assert relative_difference(network(video_BTCHW)[:, 0], mean_BN) <= 1e-4


def test_only_heads_that_the_scheme_uses_have_parameters() -> None:
    heads = {
        scheme: set(dyninf.build_network("resnet_small", scheme, 5, 4).backbone.heads)
        for scheme in ("plain", "input", "depth", "joint")
    }
    assert heads == {"plain": set(), "input": set(), "depth": {"res3", "res4"}, "joint": {"res3", "res4"}}
    early = dyninf.build_network("resnet_small", "depth", 5, 4, checkpoints=[[1, 2]])
    assert set(early.backbone.heads) == {"res3"}
    assert not hasattr(early.backbone, "fc")


@pytest.mark.parametrize("shift, memories", [(NoShift(), 0), (OfflineShift(), 0), (OnlineShift(), 1)])
def test_a_stage_keeps_one_memory_for_each_block_that_shifts(shift: object, memories: int) -> None:
    backbone = ResNet("tiny", "basic", [2, 3, 2, 1], width=16, large_stem=False).eval()
    x_MCHW = torch.randn(4, 3, 32, 32)
    for stage, blocks in enumerate((2, 3, 2, 1), 1):
        channels_before = 16 if stage == 1 else x_MCHW.shape[1]
        exchange = Exchange(shift, Frames(((0, 1),)))
        x_MCHW, kept = backbone.run_stage(stage, x_MCHW, exchange), exchange.kept
        assert x_MCHW.shape == (4, 16 * 2 ** (stage - 1), 16 // 2**stage, 16 // 2**stage)
        assert len(kept) == blocks * memories
        if kept:
            assert kept[0].shape[:2] == (2, channels_before // 8)


def test_a_stage_of_23_blocks_shifts_in_every_second_one() -> None:
    backbone = ResNet("deep", "basic", [1, 2, 23, 3], width=8, large_stem=False).eval()
    x_MCHW, counts = torch.randn(2, 3, 32, 32), []
    for stage in (1, 2, 3, 4):
        exchange = Exchange(OnlineShift(), Frames(((0, 1),)))
        x_MCHW = backbone.run_stage(stage, x_MCHW, exchange)
        counts.append(len(exchange.kept))
    assert counts == [1, 1, 12, 2]


@pytest.mark.parametrize("shift", ["offline", "online"])
def test_a_shift_makes_the_order_of_frames_matter(shift: str) -> None:
    video_BTCHW = random_clips(2, 4)
    backwards_BTCHW = video_BTCHW.flip(1)
    for kind, differs in ((shift, True), ("none", False)):
        network = random_network("resnet_small", "plain", 4, shift=kind, width=8, head_width=16)
        with torch.inference_mode():
            difference = relative_difference(network(backwards_BTCHW), network(video_BTCHW))
        assert (difference > 1e-3) == differs
        assert differs or difference <= 1e-5


def test_the_shift_reads_the_input_of_the_residual_branch_alone() -> None:
    network = random_network("resnet_small", "plain", 2, shift="online", width=8, head_width=16)
    backbone = network.backbone
    x_MCHW = torch.randn(2, 8, 8, 8)
    with torch.inference_mode():
        found_MCHW = backbone.run_stage(2, x_MCHW, Exchange(OnlineShift(), Frames(((0, 1),))))
        block = backbone.layer2[0]
        shifted_MCHW = x_MCHW.clone()
        shifted_MCHW[0, :1], shifted_MCHW[1, :1] = 0, x_MCHW[0, :1]
        branch_MCHW = block.bn2(block.conv2(block.bn1(block.conv1(shifted_MCHW)).relu()))
        expected_MCHW = (branch_MCHW + block.downsample(x_MCHW)).relu()
    assert relative_difference(found_MCHW, expected_MCHW) <= 1e-5


def test_a_wrong_block_or_number_of_stages_is_refused() -> None:
    with pytest.raises(ValueError, match=r"block in \['basic', 'bottleneck'\].*block='wide'"):
        ResNet("r", "wide", [1, 1, 1, 1])
    with pytest.raises(ValueError, match=r"four numbers of layers, got .*\[1, 1, 1\]"):
        ResNet("r", "basic", [1, 1, 1])


def test_dropout_acts_in_training_only() -> None:
    network = random_network("resnet_small", "plain", 2, dropout=0.5, width=8, head_width=16)
    video_BTCHW = random_clips(2, 2)
    with torch.inference_mode():
        assert torch.equal(network(video_BTCHW), network(video_BTCHW))
        network.backbone.dropout.train()
        assert not torch.equal(network(video_BTCHW), network(video_BTCHW))
