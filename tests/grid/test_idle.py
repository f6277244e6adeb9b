"""Parameters that no checkpoint reaches, against a real backward pass."""

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from tests.grid.test_network import staircases
from tests.networks import random_clips, random_network

from dyninf import build_network
from dyninf.grid import Network, idle_parameters


def without_gradient(network: Network) -> list[str]:
    network(random_clips(2, network.num_frames)).square().sum().backward()
    names = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    network.zero_grad()
    return names


@pytest.mark.parametrize("scheme", ["depth", "input", "joint"])
@pytest.mark.parametrize("backbone", ["resnet50", "msdnet38", "mobilenet_v2", "convnext_tiny"])
def test_every_parameter_of_a_whole_scheme_gets_a_gradient(backbone: str, scheme: str) -> None:
    with torch.device("meta"):
        assert idle_parameters(build_network(backbone, scheme, 5, 4)) == []


@given(staircases())
@hypothesis_settings(max_examples=15)
def test_on_any_staircase_they_are_those_without_a_gradient(drawn: dict[str, object]) -> None:
    network = random_network("resnet_small", "joint", width=8, head_width=64, **drawn)
    assert idle_parameters(network) == without_gradient(network)


@pytest.mark.parametrize(
    ("backbone", "checkpoints"),
    [("msdnet_small", [[1, 1], [2, 2]]), ("mobilenet_v2", [[1, 2]]), ("resnet18", [[1, 2], [2, 3]])],
)
def test_stages_below_the_last_checkpoint_and_scales_that_nothing_reads_are_idle(
    backbone: str, checkpoints: list[list[int]]
) -> None:
    network = random_network(backbone, "joint", 4, checkpoints=checkpoints)
    idle = idle_parameters(network)
    assert idle
    assert idle == without_gradient(network)
