"""A network that starts from another's weights gives the other's logits.

Legend: B clips, T frames, C, H, W, K checkpoints, N classes.
"""

import copy
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path

import pytest
import torch
from rich.console import Console
from tests.backbones.originals import (
    TSMNetwork,
    msdnet_logits,
    msdnet_shapes,
    random_weights,
    randomise,
)
from tests.networks import random_clips, relative_difference
from torch import Tensor, nn
from torchvision import models

import dyninf
from dyninf.backbones import MSDNet, Weights, fit_weights
from dyninf.configuration import load_group
from dyninf.grid import Backbone, Exchange, Features, Network, Scheme

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


# Layouts -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "module."])
def test_torchvisions_weights_give_torchvisions_logits(prefix: str) -> None:
    original = resnet18()
    network = dyninf.build_network("resnet18", "plain", 1000, 1, shift="none").eval()
    found = fit_weights(network, Weights(FILE, state_of(original, prefix)))
    assert (found.layout, found.new, found.left) == ("torchvision ResNet", {}, {})
    video_BTCHW = random_clips(2, 1)
    with torch.inference_mode():
        assert relative_difference(network(video_BTCHW)[:, 0], original(video_BTCHW[:, 0])) <= 1e-4


@pytest.mark.parametrize(
    "block, layers, shifts, prefix",
    [
        ("basic", [2, 2, 2, 2], 8, ""),
        ("bottleneck", [1, 2, 1, 1], 5, "module."),
        ("basic", [1, 3, 23, 1], 16, "module."),  # as in ResNet-101 every second block shifts
    ],
)
def test_tsms_weights_give_tsms_logits(block: str, layers: list[int], shifts: int, prefix: str) -> None:
    original = randomise(TSMNetwork(block, layers, num_frames=4, num_classes=7))
    weights = state_of(original, prefix)
    assert sum(".conv1.net." in name for name in weights) == shifts
    network = dyninf.build_network("resnet18", "plain", 7, 4, block=block, layers=layers).eval()
    found = fit_weights(network, Weights(FILE, weights))
    assert (found.layout, found.new, found.left) == ("TSM", {}, {})
    video_BTCHW = random_clips(2, 4)
    with torch.inference_mode():
        assert relative_difference(network(video_BTCHW)[:, 0], original(video_BTCHW)) <= 1e-4


def test_tsms_weights_without_dropout_have_their_classifier_in_the_base_model() -> None:
    weights = state_of(resnet18(7), "module.base_model.")
    network = dyninf.build_network("resnet18", "plain", 7, 4)
    found = fit_weights(network, Weights(FILE, weights))
    assert (found.layout, found.new, found.left) == ("TSM", {}, {})
    assert same(network.backbone.state_dict(), state_of(resnet18(7)))


def test_tsms_weights_with_non_local_blocks_are_refused() -> None:
    # Behind a non-local block, as in TSM's NL networks, a block is called `block`.
    original = randomise(TSMNetwork("basic", [1, 1, 1, 1], num_frames=4, num_classes=7))
    weights = {
        name.replace("layer2.0.", "layer2.0.block."): value for name, value in state_of(original).items()
    }
    network = dyninf.build_network("resnet18", "plain", 7, 4, layers=[1, 1, 1, 1])
    with pytest.raises(ValueError, match=r"\(TSM\) lacks 15 of the 60 tensors .*layer2\.0\.conv1\.weight"):
        fit_weights(network, Weights(FILE, weights))


@pytest.mark.parametrize("prefix", ["", "module."])
@pytest.mark.parametrize("scheme", ["depth", "input", "joint", "plain"])
def test_the_released_msdnets_weights_give_its_logits_at_every_head(scheme: str, prefix: str) -> None:
    weights = random_weights(msdnet_shapes(**SMALL, num_classes=6), torch.Generator().manual_seed(0))
    network = dyninf.build_network(
        "msdnet_small", scheme, 6, 4, large_stem=True, shift="none", **SMALL
    ).eval()
    prefixed = {prefix + name: value for name, value in weights.items()}
    found = fit_weights(network, Weights(FILE, prefixed))
    assert (found.layout, found.new) == ("MSDNet-PyTorch", {})
    heads = {checkpoint.cell.stage for checkpoint in network.checkpoints}
    assert set(found.left) == {f"{prefix}classifier.{stage - 1}" for stage in {1, 2, 3} - heads}
    # The release's pooling of 2×2 fits frames whose coarsest map is 8×8.
    video_BTCHW = random_clips(2, 4, size=128)
    with torch.inference_mode():
        logits_BKN = network(video_BTCHW)
        heads_BTN = [
            logits.unflatten(0, (2, 4)) for logits in msdnet_logits(weights, video_BTCHW.flatten(0, 1))
        ]
        for k, (group, stage) in enumerate(checkpoint.cell for checkpoint in network.checkpoints):
            seen = [frame for frames in network.permutation[:group] for frame in frames]
            expected_BN = heads_BTN[stage - 1][:, seen].mean(1)
            assert relative_difference(logits_BKN[:, k], expected_BN) <= 1e-4


def test_msdnet38_has_the_names_and_shapes_of_the_release_and_no_others() -> None:
    config = load_group("backbone", "msdnet38")
    shapes = msdnet_shapes(**{key: config[key] for key in SMALL}, num_classes=1000)
    network = dyninf.build_network("msdnet38", "depth", 1000, 1)
    assert {name: tuple(value.shape) for name, value in network.backbone.state_dict().items()} == shapes
    old = [name for name in shapes if not name.endswith("num_batches_tracked")]
    found = fit_weights(network, Weights(FILE, {name: torch.ones(shapes[name]) for name in old}))
    assert (found.new, found.left) == ({}, {})
    assert sum(amount.tensors for amount in found.fitted.values()) == len(old)
    assert sum(amount.parameters for amount in found.fitted.values()) == 62_314_472
    own = network.backbone.state_dict()
    assert all(own[name].eq(1).all() for name in old)


@pytest.mark.parametrize("scheme", ["depth", "input", "joint", "plain"])
def test_a_run_of_dyninf_starts_one_of_another_scheme_and_data_set(scheme: str) -> None:
    before = dyninf.build_network("resnet_small", "joint", 5, 8)
    weights = {**state_of(randomise(before), "network."), "loss": torch.zeros(1)}
    network = dyninf.build_network("resnet_small", scheme, 3, 4)
    found = fit_weights(network, Weights(FILE, weights))
    assert found.layout == "checkpoint of dyninf.train"
    own = network.backbone.state_dict()
    last = {
        name
        for name in own
        if name.endswith(("fc.weight", "fc.bias", "classifier.weight", "classifier.bias"))
    }
    for name, value in before.backbone.state_dict().items():
        assert name not in own or own[name].equal(value) == (name not in last)
    reason = "other number of classes: 5 in the file, 3 here"
    assert found.new == {name.rpartition(".")[0]: reason for name in last}
    heads = {f"network.backbone.heads.{stage}" for stage in {"res3", "res4"} - set(network.backbone.heads)}
    assert set(found.left) == {"loss", *heads}


def test_the_same_scheme_and_data_set_take_every_weight() -> None:
    before = randomise(dyninf.build_network("resnet_small", "joint", 5, 8))
    network = dyninf.build_network("resnet_small", "joint", 5, 8).eval()
    found = fit_weights(network, Weights(FILE, state_of(before, "network.")))
    assert (found.new, found.left) == ({}, {})
    assert same(network.state_dict(), before.state_dict())


@pytest.mark.parametrize("prefix", ["", "module.", "model.", "net.", "backbone.", "model.backbone."])
def test_the_backbones_own_names_fit_behind_any_common_prefix(prefix: str) -> None:
    before = randomise(dyninf.build_network("resnet_small", "depth", 5, 4).backbone)
    network = dyninf.build_network("resnet_small", "depth", 5, 4)
    found = fit_weights(network, Weights(FILE, state_of(before, prefix)))
    assert (found.layout, found.new, found.left) == ("names of the backbone", {}, {})
    assert same(network.backbone.state_dict(), before.state_dict())


# A backbone that wraps a network of others ---------------------------------------------------------------


class Wrapping(Backbone):
    """Two stages of a network that is kept whole under `net`, as others wrote it."""

    name = "wrapping"
    stage_names = ("low", "high")
    head_stages = (2,)

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Module()
        self.net.features = nn.Sequential(
            nn.Sequential(nn.Conv2d(3, 8, 3, stride=2), nn.BatchNorm2d(8)),
            nn.Sequential(nn.Conv2d(8, 16, 3, stride=2), nn.BatchNorm2d(16)),
        )
        self.dropout = nn.Dropout(0.0)

    def attach_heads(self, stages: object, num_classes: int) -> None:
        self.net.classifier = nn.Linear(16, num_classes)

    def run_stage(self, stage: int, features_M: Features, exchange: Exchange) -> Features:
        return self.net.features[stage - 1](features_M).relu()

    def embed(self, stage: int, features_M: Features) -> Tensor:
        return features_M.mean((2, 3))

    def classifier_of(self, stage: int) -> nn.Linear:
        return self.net.classifier


def wrapped(num_classes: int = 5) -> Network:
    return Network(Wrapping(), Scheme("plain", checkpoints="final"), num_classes, 2)


@pytest.mark.parametrize("prefix", ["", "module.", "net.", "network.backbone.net.", "model."])
def test_a_wrapped_network_takes_weights_with_and_without_the_wrapping(prefix: str) -> None:
    before, network = randomise(wrapped()), wrapped(3)
    found = fit_weights(network, Weights(FILE, state_of(before.backbone.net, prefix)))
    assert found.new == {"net.classifier": "other number of classes: 5 in the file, 3 here"}
    assert found.left == {}
    features = state_of(before.backbone.net.features)
    assert same(network.backbone.net.features.state_dict(), features)
    assert {str(part): amount.tensors for part, amount in found.fitted.items()} == {"low": 6, "high": 6}


def test_a_wrapped_network_leaves_anothers_head_but_not_a_further_layer() -> None:
    weights = state_of(randomise(wrapped()).backbone.net)
    network = wrapped()
    found = fit_weights(network, Weights(FILE, {**weights, "head.0.weight": torch.zeros(3, 16)}))
    assert found.left == {"head": 1}
    with pytest.raises(
        ValueError, match=r"1 tensors more in its stages than wrapping: features\.2\.0\.weight"
    ):
        fit_weights(network, Weights(FILE, {**weights, "features.2.0.weight": torch.zeros(3)}))


# Report --------------------------------------------------------------------------------------------------


def test_the_report_says_what_fitted_what_is_new_and_what_was_left() -> None:
    network = dyninf.build_network("resnet18", "joint", 5, 8)
    weights = {**state_of(resnet18()), "aux.0.weight": torch.zeros(2), "aux.0.bias": torch.zeros(2)}
    found = fit_weights(network, Weights(FILE, weights))
    assert {str(part): amount.tensors for part, amount in found.fitted.items()} == {
        "res2": 25,
        "res3": 25,
        "res4": 25,
        "res5": 25,
    }
    trunk = sum(p.numel() for name, p in resnet18().named_parameters() if not name.startswith("fc."))
    assert sum(amount.parameters for amount in found.fitted.values()) == trunk
    assert found.new == {
        "heads.res3": "not in the file",
        "heads.res4": "not in the file",
        "fc": "other number of classes: 1000 in the file, 5 here",
    }
    assert found.left == {"aux.0": 2}


def test_the_report_is_shown_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    network = dyninf.build_network("resnet_small", "joint", 5, 8)
    weights = state_of(randomise(dyninf.build_network("resnet_small", "plain", 3, 8).backbone))
    Console(width=200).print(fit_weights(network, Weights(Path("old[1].pth"), weights)))
    shown = capsys.readouterr().out
    assert "resnet_small-joint-8f: weights from old[1].pth (torchvision ResNet)" in shown
    assert "res2" in shown
    assert (
        "new in the network: heads.res3 (not in the file); heads.res4 (not in the file); fc (other" in shown
    )
    assert "left in the file: nothing" in shown


def test_a_projection_that_the_file_lacks_is_new_and_so_is_the_classifier_behind_it() -> None:
    weights = random_weights(msdnet_shapes(**SMALL, num_classes=6), torch.Generator().manual_seed(0))
    network = dyninf.build_network("msdnet_small", "depth", 6, 4, large_stem=True, head_width=10, **SMALL)
    found = fit_weights(network, Weights(FILE, weights))
    assert found.new["classifier.0.project"] == "not in the file"
    assert found.new["classifier.0.linear"].startswith("other features: (6, ")
    assert found.left == {}


# Nothing by halves ---------------------------------------------------------------------------------------


def test_old_files_without_batch_norms_counters_load() -> None:
    weights = {k: v for k, v in state_of(resnet18()).items() if not k.endswith("num_batches_tracked")}
    network = dyninf.build_network("resnet18", "plain", 1000, 1)
    assert fit_weights(network, Weights(FILE, weights)).new == {}


def test_half_precision_weights_become_those_of_the_network() -> None:
    weights = {k: v.half() if v.is_floating_point() else v for k, v in state_of(resnet18()).items()}
    network = dyninf.build_network("resnet18", "plain", 1000, 1)
    fit_weights(network, Weights(FILE, weights))
    assert network.backbone.conv1.weight.dtype == torch.float32
    assert network.backbone.conv1.weight.equal(weights["conv1.weight"].float())


Change = Callable[[dict[str, Tensor]], dict[str, Tensor]]


def without(part: str) -> Change:
    return lambda weights: {name: value for name, value in weights.items() if part not in name}


@pytest.mark.parametrize(
    "backbone, change, message",
    [
        (
            "resnet18",
            without("layer4.1.conv2"),
            r"weights.pth \(torchvision ResNet\) lacks 1 of the 100 tensors of the stages of resnet18: "
            r"layer4.1.conv2.weight; it is of another depth",
        ),
        (
            "resnet18",
            without("layer3."),
            "lacks 25 of the 100 .*: layer3.0.conv1.weight, layer3.0.bn1.weight, layer3.0.bn1.bias, …;",
        ),
        ("resnet34", dict, "lacks 80 of the 180 tensors of the stages of resnet34"),
        ("resnet50", dict, "lacks 165 of the 265 tensors of the stages of resnet50"),
        (
            "resnet_small",
            dict,
            r"has 40 tensors more in its stages than resnet_small: layer1.1.conv1.weight, .*deeper",
        ),
        (
            "resnet18",
            lambda weights: weights | {"layer1.0.conv1.weight": torch.zeros(64, 64, 1, 1)},
            r"layer1.0.conv1.weight is \(64, 64, 1, 1\) in the file, \(64, 64, 3, 3\) in resnet18$",
        ),
        (
            "resnet18",
            lambda weights: weights | dict.fromkeys(("bn1.bias", "bn1.weight"), torch.zeros(3)),
            r"bn1.weight is \(3,\) in the file, \(64,\) in resnet18, and 1 more do not fit",
        ),
        (
            "resnet18",
            lambda weights: weights | {"bn1.bias": torch.zeros(64, dtype=torch.int8)},
            r"bn1.bias is \(64,\) of torch.int8 in the file, \(64,\) in resnet18",
        ),
        (
            "resnet18",
            lambda weights: weights | {"fc.bias": torch.tensor(0.0)},
            r"fc.bias is \(\) in the file, \(5,\) in resnet18",
        ),
        (
            "resnet18",
            lambda weights: weights | {"module.bn1.bias": torch.zeros(64)},
            "bn1.bias and module.bn1.bias are both bn1.bias here; keep one",
        ),
        (
            "msdnet_small",
            dict,
            "does not fit msdnet_small: nothing is in it by a known name; it has conv1.weight, .* that are "
            r"known: checkpoint of dyninf.train \(network.backbone.…\); TSM .*; MSDNet-PyTorch .*; torch",
        ),
        (
            "resnet18",
            lambda weights: {"encoder.0.weight": torch.zeros(3), "conv1.weight": weights["conv1.weight"]},
            "does not fit resnet18: only 1 of the 100 tensors of its stages are in it by a known name; "
            "it has encoder.0.weight, conv1.weight. Layouts",
        ),
    ],
)
def test_weights_that_do_not_fit_change_nothing(backbone: str, change: Change, message: str) -> None:
    network = dyninf.build_network(backbone, "joint", 5, 8)
    before = copy.deepcopy(network.state_dict())
    with pytest.raises(ValueError, match=message) as caught:
        fit_weights(network, Weights(FILE, change(state_of(resnet18()))))
    assert "\n" not in str(caught.value)
    assert same(network.state_dict(), before)


def test_a_head_of_another_width_is_refused() -> None:
    before = dyninf.build_network("resnet_small", "joint", 5, 8, head_width=32)
    network = dyninf.build_network("resnet_small", "joint", 5, 8)
    with pytest.raises(
        ValueError,
        match=r"heads.res3.project.weight is \(32, 48\) in the file, \(128, 48\) in resnet_small, and",
    ):
        fit_weights(network, Weights(FILE, state_of(before.backbone)))


def test_a_released_msdnet_of_other_blocks_is_refused() -> None:
    shapes = msdnet_shapes(**SMALL, num_classes=6)
    weights = random_weights(shapes, torch.Generator().manual_seed(0))
    for blocks, message in ((2, "tensors more in its stages"), (4, "lacks")):
        network = dyninf.build_network(
            "msdnet_small", "plain", 6, 4, large_stem=True, **{**SMALL, "blocks": blocks}
        )
        assert isinstance(network.backbone, MSDNet)
        with pytest.raises(ValueError, match=message):
            fit_weights(network, Weights(FILE, weights))
