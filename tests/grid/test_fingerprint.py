"""The fingerprint changes with anything that changes the function, and with nothing else."""

import pytest
import torch
from tests.networks import random_clips, random_network
from torch import nn

from dyninf.grid import Network, fingerprint


def small(**overrides: object) -> Network:
    return random_network("resnet_small", "joint", 8, width=8, head_width=64, **overrides)


def test_it_is_sixteen_hex_digits_and_the_same_for_the_same_network() -> None:
    assert len(fingerprint(small())) == 16
    assert int(fingerprint(small()), 16) >= 0
    assert fingerprint(small()) == fingerprint(small())


def test_it_does_not_depend_on_the_layout_in_memory_or_the_mode() -> None:
    expected = fingerprint(small())
    assert fingerprint(small().to(memory_format=torch.contiguous_format)) == expected
    assert fingerprint(small().train()) == expected


def test_running_the_network_does_not_change_it() -> None:
    network = small()
    before = fingerprint(network)
    network(random_clips(1, 8))
    network.costs(32, 32)
    assert fingerprint(network) == before


@pytest.mark.parametrize("kind", ["parameter", "statistics"])
def test_one_changed_number_changes_it(kind: str) -> None:
    network = small()
    before = fingerprint(network)
    norm = next(module for module in network.modules() if isinstance(module, nn.BatchNorm2d))
    with torch.no_grad():
        (norm.weight if kind == "parameter" else norm.running_var)[0] += 1e-6
    assert fingerprint(network) != before


@pytest.mark.parametrize(
    "overrides",
    [
        {"order": "plain"},
        {"shift": "none"},
        {"shift": "nearest"},
        {"shift": "two_way"},
        {"average": "cells"},
        {"groups": 2},
        {"checkpoints": [[1, 2], [2, 3], [4, 4]]},
        {"staircase": [[2, 0, 0, 0], [2, 2, 2, 2], [4, 4, 4, 4]]},
    ],
)
def test_another_way_through_the_grid_changes_it(overrides: dict[str, object]) -> None:
    network, other = small(), small(**overrides)
    other.load_state_dict(network.state_dict())
    assert fingerprint(other) != fingerprint(network)
