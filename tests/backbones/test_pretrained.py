"""Weights fit, and the report says what fitted; or they do not, and nothing changes."""

import copy
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from rich.console import Console
from tests.backbones.originals import (
    FILE,
    SMALL,
    msdnet_shapes,
    random_weights,
    randomise,
    resnet18,
    same,
    state_of,
)
from torch import Tensor
from torchvision import models

import dyninf
from dyninf.backbones import MSDNet, Weights, fit_weights
from dyninf.backbones.pretrained_parts import classifiers_of


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


def test_the_head_of_a_last_stage_without_a_checkpoint_is_left() -> None:
    original = models.mobilenet_v3_large()
    network = dyninf.build_network("mobilenet_v3_large", "joint", 5, 4, checkpoints=[[1, 2], [1, 3]])
    found = fit_weights(network, Weights(FILE, state_of(original)))
    assert set(found.new) == {"heads.stage2", "heads.stage3"}
    assert found.left == {"classifier": 2}
    assert same(network.backbone.net.features.state_dict(), original.features.state_dict())


@pytest.mark.parametrize("theirs", [("a", "b", "d"), ("b", "a", "c")])
@pytest.mark.parametrize("backbone", ["resnet_small", "msdnet_small"])
def test_last_layers_of_other_classes_or_in_another_order_are_new(
    backbone: str, theirs: tuple[str, ...]
) -> None:
    before = randomise(dyninf.build_network(backbone, "joint", 3, 8)).backbone
    network = dyninf.build_network(backbone, "joint", 3, 8)
    found = fit_weights(network, Weights(FILE, state_of(before), theirs), ["a", "b", "c"])
    last = classifiers_of(network)
    assert found.new == {name.rpartition(".")[0]: "other classes" for name in last}
    own = network.backbone.state_dict()
    assert {name for name, value in before.state_dict().items() if not own[name].equal(value)} == last


@pytest.mark.parametrize(
    "theirs, mine", [(None, None), (None, ["a", "b"]), (("a", "b"), None), (("a", "b"), ["a", "b"])]
)
def test_last_layers_are_taken_for_the_same_classes_and_where_either_side_names_none(
    theirs: tuple[str, ...] | None, mine: list[str] | None
) -> None:
    before = randomise(dyninf.build_network("resnet_small", "joint", 2, 8)).backbone
    network = dyninf.build_network("resnet_small", "joint", 2, 8)
    assert fit_weights(network, Weights(FILE, state_of(before), theirs), mine).new == {}
    assert same(network.backbone.state_dict(), before.state_dict())


def test_another_number_of_classes_is_the_reason_where_the_names_differ_too() -> None:
    before = dyninf.build_network("resnet_small", "plain", 2, 8).backbone
    network = dyninf.build_network("resnet_small", "plain", 3, 8)
    found = fit_weights(network, Weights(FILE, state_of(before), ("a", "b")), ["a", "b", "c"])
    assert found.new == {"fc": "other number of classes: 2 in the file, 3 here"}


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
            "it has encoder.0.weight, conv1.weight. Namings",
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
