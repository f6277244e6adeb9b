"""Every weight belongs to the stage or head that uses it."""

import copy

import pytest
import torch

import dyninf
from dyninf.backbones.pretrained_parts import classifiers_of, parts_of


def modules_of(backbone: str, scheme: str) -> dict[str, set[str]]:
    """The first two modules around the weights of each part."""
    found: dict[str, set[str]] = {}
    for name, part in parts_of(dyninf.build_network(backbone, scheme, 5, 4)).items():
        found.setdefault(str(part), set()).add(".".join(name.split(".")[:-1][:2]))
    return found


def test_the_parts_of_a_resnet() -> None:
    assert modules_of("resnet_small", "joint") == {
        "res2": {"conv1", "bn1", "layer1.0"},
        "res3": {"layer2.0"},
        "head of res3": {"heads.res3"},
        "res4": {"layer3.0"},
        "head of res4": {"heads.res4"},
        "res5": {"layer4.0"},
        "head of res5": {"fc"},
    }


def test_the_parts_of_an_msdnet() -> None:
    found = modules_of("msdnet_small", "plain")
    blocks = {f"block{number + 1}": {f"blocks.{number}"} for number in range(3)}
    assert found == {**blocks, "head of block3": {"classifier.2"}}


@pytest.mark.parametrize("backbone", ["resnet_small", "resnet50", "msdnet_small"])
@pytest.mark.parametrize("scheme", ["depth", "input", "joint", "plain"])
def test_every_weight_has_a_part_and_looking_changes_nothing(backbone: str, scheme: str) -> None:
    network = dyninf.build_network(backbone, scheme, 5, 4).train()
    before = copy.deepcopy(network.state_dict())
    parts = parts_of(network)
    assert parts.keys() == network.backbone.state_dict().keys()
    assert {part.stage for part in parts.values()} == set(network.backbone.stage_names)
    assert all(value.equal(before[name]) for name, value in network.state_dict().items())
    assert network.backbone.training
    assert not any(module._forward_pre_hooks for module in network.modules())


def test_classifiers_are_the_last_layers_of_the_heads_in_use() -> None:
    assert classifiers_of(dyninf.build_network("resnet_small", "plain", 5, 4)) == {"fc.weight", "fc.bias"}
    deep = dyninf.build_network("msdnet_small", "depth", 5, 4)
    expected = {f"classifier.{i}.linear.{kind}" for i in range(3) for kind in ("weight", "bias")}
    assert classifiers_of(deep) == expected


def test_the_device_of_the_caller_does_not_matter() -> None:
    with torch.device("meta"):
        network = dyninf.build_network("msdnet38", "joint", 5, 8)
    assert parts_of(network).keys() == network.backbone.state_dict().keys()
