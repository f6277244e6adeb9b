"""Networks by the names of their files."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from omegaconf import OmegaConf
from tests.networks import require_extra
from torch import nn

import dyninf
from dyninf.checkpoint_file import save_config
from dyninf.checksum import unsealed_text
from dyninf.configuration import CONF, choices, load_group, number, whole_number
from dyninf.grid import NoShift, OnlineShift


def test_names_are_those_of_the_files() -> None:
    assert {"resnet_small", "resnet18", "resnet34", "resnet50", "resnet101"} <= set(choices("backbone"))
    assert {"depth", "input", "joint", "plain"} <= set(choices("scheme"))
    assert (CONF / "train.yaml").is_file()
    assert load_group("backbone", "resnet50").layers == [3, 4, 6, 3]


@pytest.mark.parametrize("backbone", choices("backbone"))
@pytest.mark.parametrize("scheme", choices("scheme"))
def test_every_backbone_goes_with_every_scheme(backbone: str, scheme: str) -> None:
    require_extra(backbone)
    with torch.device("meta"):  # only names and shapes are of interest here
        network = dyninf.build_network(backbone, scheme=scheme, num_classes=3, num_frames=8)
    name = {"torchvision": "torchvision_resnet18", "timm": "timm_resnet18"}.get(backbone, backbone)
    assert network.name == f"{name}-{scheme}-8f"
    assert (network.num_classes, network.num_frames) == (3, 8)
    assert network.checkpoints[-1].frames == 8
    assert network.checkpoints[-1].cell.stage == network.route.stages


def test_an_unknown_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match=r"backbone 'resnet5' is unknown; choose one of .*resnet18.*small"):
        dyninf.build_network("resnet5", scheme="joint", num_classes=3, num_frames=8)
    with pytest.raises(ValueError, match="'diagonal' is unknown; choose one of depth, input, joint, plain"):
        dyninf.build_network("resnet18", scheme="diagonal", num_classes=3, num_frames=8)


@pytest.mark.parametrize("key", ["grous", "_target_", "scheme.groups", "module"])
def test_an_unknown_override_is_refused_with_the_known_ones(key: str) -> None:
    with pytest.raises(
        ValueError, match=rf"'{key}' is no setting of resnet_small or joint.*dropout.*groups.*shift"
    ):
        dyninf.build_network("resnet_small", "joint", 3, 8, **{key: 2})


def test_overrides_reach_the_scheme_and_the_backbone() -> None:
    overrides = {"groups": 2, "shift": "none", "order": "plain", "checkpoints": [[1, 3], [2, -1]]}
    network = dyninf.build_network("resnet_small", "joint", 3, 8, dropout=0.5, **overrides)
    assert network.permutation == ((0, 1, 2, 3), (4, 5, 6, 7))
    assert isinstance(network.shift, NoShift)
    assert [checkpoint.name for checkpoint in network.checkpoints] == ["4f-res4", "8f-res5"]
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout)] == [0.5]
    wide = dyninf.build_network("resnet_small", "joint", 3, 8, width=16, layers=[1, 2, 1, 1])
    assert wide.backbone.conv1.out_channels == 16
    assert len(wide.backbone.layer2) == 2


def test_an_override_of_the_staircase_reaches_the_route() -> None:
    rows = [[2, 0], [2, 2], [4, 4]]
    network = dyninf.build_network("resnet_small", "joint", 3, 8, groups=2, staircase=rows)
    assert [tuple(cell) for cell in network.route.cells][:4] == [(1, 1), (1, 2), (2, 1), (2, 2)]
    assert isinstance(network.shift, OnlineShift)


def test_overrides_stay_with_the_network_that_they_were_given_to() -> None:
    dyninf.build_network("resnet_small", "joint", 3, 8, groups=2)
    assert len(dyninf.build_network("resnet_small", "joint", 3, 8).permutation) == 4


@pytest.mark.parametrize(
    "overrides, message",
    [
        ({"groups": 3}, r"8 frames cannot be cut into 3 groups.*\[1, 2, 4, 8\]"),
        ({"groups": 0}, "at least one frame and one group"),
        ({"shift": "offline"}, "offline shift reads later frames"),
        ({"shift": "sideways"}, "'sideways' is unknown; choose one of none, offline, online"),
        ({"order": "random"}, "'random' is unknown; choose one of permuted, plain, bisection"),
        ({"block": "wide"}, r"block in \['basic', 'bottleneck'\]"),
        ({"layers": [1, 1]}, "four numbers of layers"),
        ({"checkpoints": [[1, 1]]}, "no head there"),
        ({"staircase": [[0, 1, 0, 0]]}, r"cell \(2, 1\): comes before cell \(1, 1\)"),
        ({"staircase": []}, "staircase"),
    ],
)
def test_a_value_that_does_not_fit_is_a_value_error_in_one_line(overrides: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        dyninf.build_network("resnet_small", "joint", 3, 8, **overrides)
    assert "\n" not in str(caught.value)


def test_a_network_starts_from_the_weights_in_a_file(tmp_path: Path) -> None:
    before = dyninf.build_network("resnet_small", "plain", 3, 8)
    torch.save(before.backbone.state_dict(), tmp_path / "weights.pth")
    network = dyninf.build_network("resnet_small", "joint", 3, 8, pretrained=tmp_path / "weights.pth")
    own = network.backbone.state_dict()
    assert all(own[name].equal(value) for name, value in before.backbone.state_dict().items())
    found = dyninf.load_pretrained(network, str(tmp_path / "weights.pth"))
    assert list(found.new) == ["heads.res3", "heads.res4"]
    with pytest.raises(FileNotFoundError, match=r"no weights at nowhere\.pth"):
        dyninf.build_network("resnet_small", "joint", 3, 8, pretrained="nowhere.pth")


@pytest.mark.parametrize("read", [number, whole_number])
def test_an_infinite_number_is_refused_by_its_name(read: Callable[..., float]) -> None:
    config = OmegaConf.create({"batch": float("inf"), "decoders": 2.0})
    with pytest.raises(ValueError, match="batch must be a finite number, got inf"):
        read(config, "batch", least=1)
    assert read(config, "decoders", least=1) == 2


def test_a_config_that_is_saved_outside_a_command_has_no_command(tmp_path: Path) -> None:
    save_config(tmp_path, OmegaConf.create({"seed": 3}))
    assert unsealed_text((tmp_path / "config.yaml").read_text()) == "seed: 3\n"
