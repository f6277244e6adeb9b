"""Law 4, costs are true: the table says what a counter sees while cells and heads really run.

Legend: B clips, T frames, K checkpoints.
"""

import itertools

import pytest
import torch
from fvcore.nn import FlopCountAnalysis
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from tests.grid.test_network import staircases
from tests.networks import SIZE, Setting, counted, random_clips, random_network
from torch import Tensor

import dyninf
from dyninf.grid import Network, State


def check_law_4(network: Network, video_1TCHW: Tensor) -> None:
    """Compare each cell, each head and each sum with what runs."""
    costs = network.costs(*video_1TCHW.shape[-2:])
    places = {checkpoint.cell: checkpoint for checkpoint in network.checkpoints}
    state, seen_K = State(), []
    with torch.inference_mode(), counted(network) as counter:
        for cell in network.route.cells:
            before = counter.macs
            state = network.run_cell(cell, state, network.group_frames_of(video_1TCHW, cell.group))
            assert costs.cells[cell] == counter.macs - before > 0
            if cell in places:
                before = counter.macs
                logits_1N = network.predict(places[cell], state)
                assert costs.heads[places[cell].name] == counter.macs - before > 0
                if network.gates is not None:
                    before = counter.macs
                    network.gate(places[cell], state, logits_1N)
                    assert costs.gates[places[cell].name] == counter.macs - before
                seen_K.append(counter.macs)
    assert costs.macs_K.dtype == torch.float64
    assert costs.macs_K.tolist() == seen_K
    assert all(a < b for a, b in itertools.pairwise(seen_K))
    assert set(costs.cells) == set(network.route.cells)
    names = [checkpoint.name for checkpoint in network.checkpoints]
    assert list(costs.heads) == names
    if network.gates is None:
        assert costs.gates == {}
    else:
        assert list(costs.gates) == names
        assert [costs.gates[name] > 0 for name in names] == [True] * (len(names) - 1) + [False]


def test_costs_are_what_a_counter_sees_while_the_cells_run(setting: Setting) -> None:
    check_law_4(setting.network, setting.video_BTCHW[:1])


@given(staircases())
@hypothesis_settings(max_examples=25)
def test_costs_are_true_on_any_staircase(drawn: dict[str, object]) -> None:
    network = random_network("resnet_small", "joint", width=8, head_width=64, **drawn)
    check_law_4(network, random_clips(1, network.num_frames))


@pytest.mark.parametrize("height, width", [(32, 32), (48, 64), (63, 33)])
def test_costs_follow_the_frame_size(small_network: Network, height: int, width: int) -> None:
    check_law_4(small_network, torch.randn(1, 8, 3, height, width))


@pytest.mark.parametrize("backbone", ["resnet_small", "resnet18", "resnet50"])
def test_costs_of_full_inference_are_fvcores(backbone: str) -> None:
    network = dyninf.build_network(backbone, scheme="plain", num_classes=400, num_frames=2).eval()
    analysis = FlopCountAnalysis(network, torch.randn(1, 2, 3, 64, 64))
    by_operator = analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).by_operator()
    # fvcore also counts normalisation and pooling, which are no multiply-adds of a matrix product.
    assert network.costs(64, 64).macs_K.tolist() == [by_operator["conv"] + by_operator["linear"]]


def test_resnet50_has_the_published_size_and_costs() -> None:
    network = dyninf.build_network("resnet50", scheme="plain", num_classes=400, num_frames=1).eval()
    assert sum(parameter.numel() for parameter in network.parameters()) == 24_327_632
    analysis = FlopCountAnalysis(network, torch.randn(1, 1, 3, 224, 224))
    counted_by_fvcore = analysis.unsupported_ops_warnings(False).uncalled_modules_warnings(False).total()
    assert 4.05e9 <= counted_by_fvcore <= 4.15e9
    table = network.costs(224, 224)
    assert table.macs_K.item() == pytest.approx(counted_by_fvcore, rel=0.01)
    assert table.gmacs_K == [pytest.approx(4.09, abs=0.01)]


@pytest.mark.parametrize("backbone, params", [("resnet50", 29_124_848), ("resnet101", 48_116_976)])
@pytest.mark.parametrize("scheme", ["depth", "joint"])
def test_resnets_with_heads_have_the_papers_size(backbone: str, params: int, scheme: str) -> None:
    network = dyninf.build_network(backbone, scheme=scheme, num_classes=400, num_frames=16)
    assert sum(parameter.numel() for parameter in network.parameters()) == params


def test_costs_are_counted_on_a_copy(small_network: Network) -> None:
    before = {name: tensor.clone() for name, tensor in small_network.state_dict().items()}
    small_network.costs(40, 40)
    assert {tensor.device.type for tensor in small_network.state_dict().values()} == {"cpu"}
    assert all(torch.equal(before[name], tensor) for name, tensor in small_network.state_dict().items())


def test_costs_of_a_training_network_are_those_of_inference() -> None:
    # With one frame a cell, batch norm could not even run in training mode.
    settings = {"num_frames": 4, "groups": 4, "width": 8, "head_width": 16}
    expected = random_network("resnet_small", "joint", **settings).costs(SIZE, SIZE).macs_K
    training = random_network("resnet_small", "joint", **settings).train()
    assert torch.equal(training.costs(SIZE, SIZE).macs_K, expected)
    assert all(module.training for module in training.modules())
