"""Times of real runs. What they are depends on the machine; what they must be like does not."""

import pytest
from tests.networks import random_network

from dyninf.grid import Network
from dyninf.processor import processor_name
from dyninf.report import time_network
from dyninf.runtime import measure_milliseconds


def test_every_checkpoint_has_a_time_and_later_ones_take_longer(small_network: Network) -> None:
    times_K = measure_milliseconds(small_network, 32, 32, repeats=3)
    assert times_K.shape == (12,)
    assert times_K[0] > 0
    assert (times_K.diff() > 0).all()


def test_a_network_in_training_is_measured_in_evaluation_and_left_as_it_was() -> None:
    network = random_network("resnet_small", "depth", 4, width=8, head_width=16).train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    measure_milliseconds(network, 16, 16, repeats=1, views=2)
    assert network.training
    assert all(value.equal(before[name]) for name, value in network.state_dict().items())


def test_a_table_says_what_was_measured(small_network: Network) -> None:
    table = time_network(small_network, 16, 24, repeats=2, views=3)
    assert table.network == small_network.name
    assert table.checkpoints == tuple(checkpoint.name for checkpoint in small_network.checkpoints)
    assert table.macs == tuple((3 * small_network.costs(16, 24).macs_K).tolist())
    assert (table.repeats, table.batch) == (2, 1)
    assert processor_name() in table.device


@pytest.mark.parametrize("wrong", [{"repeats": 0}, {"views": 0}])
def test_no_rounds_and_no_views_are_refused(wrong: dict[str, int], small_network: Network) -> None:
    with pytest.raises(ValueError, match="must be 1 or more, got 0"):
        measure_milliseconds(small_network, 16, 16, **wrong)
