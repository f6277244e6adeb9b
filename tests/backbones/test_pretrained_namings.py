"""A network that starts from another's weights gives the other's logits.

Legend: B clips, T frames, C, H, W, K checkpoints, N classes.
"""

import pytest
import torch
from tests.backbones.originals import (
    FILE,
    SMALL,
    TSMNetwork,
    msdnet_logits,
    msdnet_shapes,
    random_weights,
    randomise,
    resnet18,
    same,
    state_of,
)
from tests.networks import random_clips, relative_difference
from torch import Tensor, nn

import dyninf
from dyninf.backbones import Weights, fit_weights
from dyninf.configuration import load_group
from dyninf.grid import Backbone, Exchange, Features, Network, Scheme


@pytest.mark.parametrize("prefix", ["", "module."])
def test_torchvisions_weights_give_torchvisions_logits(prefix: str) -> None:
    original = resnet18()
    network = dyninf.build_network("resnet18", "plain", 1000, 1, shift="none").eval()
    found = fit_weights(network, Weights(FILE, state_of(original, prefix)))
    assert (found.naming, found.new, found.left) == ("torchvision ResNet", {}, {})
    video_BTCHW = random_clips(2, 1)
    with torch.inference_mode():
        assert relative_difference(network(video_BTCHW)[:, 0], original(video_BTCHW[:, 0])) <= 1e-4


@pytest.mark.parametrize("backbone", ["torchvision", "timm"])
@pytest.mark.parametrize("prefix", ["", "module."])
def test_torchvisions_weights_fit_a_backbone_that_wraps_its_network(backbone: str, prefix: str) -> None:
    if backbone == "timm":
        pytest.importorskip("timm")
    original = resnet18()
    network = dyninf.build_network(backbone, "plain", 1000, 1, model="resnet18", shift="none").eval()
    found = fit_weights(network, Weights(FILE, state_of(original, prefix)))
    assert (found.naming, found.new, found.left) == ("names of the backbone", {}, {})
    video_BTCHW = random_clips(2, 1)
    with torch.inference_mode():
        assert relative_difference(network(video_BTCHW)[:, 0], original(video_BTCHW[:, 0])) <= 1e-4


@pytest.mark.parametrize("backbone", ["resnet18", "torchvision"])
def test_a_run_of_one_resnet18_starts_the_other(backbone: str) -> None:
    (other,) = {"resnet18", "torchvision"} - {backbone}
    before = randomise(dyninf.build_network(other, "plain", 5, 4))
    network = dyninf.build_network(backbone, "plain", 5, 4)
    assert fit_weights(network, Weights(FILE, state_of(before, "network."))).new == {}
    assert same(
        {name.removeprefix("net."): value for name, value in network.backbone.state_dict().items()},
        {name.removeprefix("net."): value for name, value in before.backbone.state_dict().items()},
    )


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
    assert (found.naming, found.new, found.left) == ("TSM", {}, {})
    video_BTCHW = random_clips(2, 4)
    with torch.inference_mode():
        assert relative_difference(network(video_BTCHW)[:, 0], original(video_BTCHW)) <= 1e-4


def test_tsms_weights_without_dropout_have_their_classifier_in_the_base_model() -> None:
    weights = state_of(resnet18(7), "module.base_model.")
    network = dyninf.build_network("resnet18", "plain", 7, 4)
    found = fit_weights(network, Weights(FILE, weights))
    assert (found.naming, found.new, found.left) == ("TSM", {}, {})
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
    assert (found.naming, found.new) == ("MSDNet-PyTorch", {})
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
    assert found.naming == "checkpoint of dyninf.train"
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
    assert (found.naming, found.new, found.left) == ("names of the backbone", {}, {})
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
