"""A network's costs part by part: parts add up to the whole, memory is that of what a real walk carries.

Legend: B clips, T frames, t frames of a group, M = clips · frames, C, H, W, F features of a head.
"""

import copy
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from tests.grid.test_network import staircases
from tests.networks import SIZE, Setting, random_clips, random_network
from torch import Tensor, nn

import dyninf
from dyninf.grid import (
    Backbone,
    Exchange,
    Features,
    Frames,
    Network,
    NetworkProfile,
    NoShift,
    Scheme,
    State,
    profile,
)
from dyninf.grid.shift import SHIFTS


class TiedBackbone(Backbone):
    """Two stages with one weight between them, and parameters that belong to no layer."""

    name = "tied"
    stage_names = ("one", "two")
    head_stages = (1, 2)

    def __init__(self) -> None:
        super().__init__()
        self.dropout = nn.Identity()
        self.first = nn.Conv2d(3, 8, 1)
        self.conv = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.again = nn.Conv2d(8, 8, 3, padding=1, bias=False)
        self.again.weight = self.conv.weight
        self.scale = nn.Parameter(torch.ones(1, 8, 1, 1))
        self.mixed = nn.Parameter(torch.ones(8, 8))

    def attach_heads(self, stages: Sequence[int], num_classes: int) -> None:
        self.linears = nn.ModuleDict({str(stage): nn.Linear(8, num_classes) for stage in stages})

    def run_stage(self, stage: int, features_M: Features, exchange: Exchange) -> Features:
        x_MCHW = exchange(self.first(features_M) if stage == 1 else features_M)
        return (self.conv if stage == 1 else self.again)(x_MCHW) * self.scale

    def embed(self, stage: int, features_M: Features) -> Tensor:
        # A parameter inside a list, and given by name.
        return torch.linalg.multi_dot([features_M.mean((-2, -1)), self.mixed, self.mixed])

    def classifier_of(self, stage: int) -> nn.Linear:
        return self.linears[str(stage)]


def params_of(network: nn.Module) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def bytes_of(tensors: Sequence[Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors)


def tensors_of(features: Features) -> tuple[Tensor, ...]:
    return (features,) if isinstance(features, Tensor) else features


@pytest.fixture(scope="session")
def found(setting: Setting) -> NetworkProfile:
    """The profile of the setting's network."""
    return profile(setting.network, SIZE, SIZE)


def check_sums(network: Network, found: NetworkProfile) -> None:
    """Stages and heads, cells and checkpoints each add up to what the network has and costs."""
    costs = network.costs(found.height, found.width)
    assert found.params == params_of(network)
    assert found.macs == costs.macs_K[-1].item() == found.checkpoints[-1].cumulative_macs
    assert {cell.cell: cell.macs + cell.head_macs for cell in found.cells} == costs.cells
    assert [place.cumulative_macs for place in found.checkpoints] == costs.macs_K.tolist()
    assert {place.name: place.classifier_macs for place in found.checkpoints} == costs.heads
    assert all(place.gate_macs == costs.gates.get(place.name, 0) for place in found.checkpoints)
    names = network.backbone.stage_names
    for stage in found.stages:
        assert stage.macs == sum(c.macs for c in found.cells if names[c.cell.stage - 1] == stage.name)
    for head in found.heads:
        per_frame = sum(c.head_macs for c in found.cells if names[c.cell.stage - 1] == head.stage)
        classifiers = sum(
            k.classifier_macs + k.gate_macs
            for k in found.checkpoints
            if names[k.cell.stage - 1] == head.stage
        )
        assert head.macs == per_frame + classifiers > 0


def check_memory(network: Network, found: NetworkProfile, video_1TCHW: Tensor) -> None:
    """After every cell, the bytes are those of the tensors in the state; the peak is the largest."""
    state, seen = State(), []
    with torch.inference_mode():
        for cell, row in zip(network.route.cells, found.cells, strict=True):
            state = network.run_cell(cell, state, network.group_frames_of(video_1TCHW, cell.group))
            assert row.cell == cell
            kept = [tensor for tensors in state.kept.values() for tensor in tensors]
            waiting = [tensor for features in state.features.values() for tensor in tensors_of(features)]
            assert row.kept_bytes == bytes_of(kept)
            assert row.waiting_bytes == bytes_of(waiting)
            assert row.sums_bytes == bytes_of(list(state.sums.values()))
            seen.append(bytes_of([*kept, *waiting, *state.sums.values()]))
    assert [row.state_bytes for row in found.cells] == seen
    assert found.peak_bytes == max(seen)


def check_shapes(network: Network, found: NetworkProfile, video_1TCHW: Tensor) -> None:
    """The shapes are those of what each stage really gives for the first group."""
    features: Features = network.group_frames_of(video_1TCHW, 1)[0]
    frames = Frames((tuple(range(network.group_size)),))
    with torch.inference_mode():
        for number, stage in enumerate(found.stages, 1):
            features = network.backbone.run_stage(number, features, Exchange(NoShift(), frames))
            assert stage.name == network.backbone.stage_names[number - 1]
            assert list(stage.output_shapes) == [tuple(x.shape) for x in tensors_of(features)]


def test_parts_add_up_to_the_network(setting: Setting, found: NetworkProfile) -> None:
    check_sums(setting.network, found)
    assert found.unused_params == 0
    assert all(part.params > 0 for part in (*found.stages, *found.heads))


def test_memory_is_what_a_real_walk_carries(setting: Setting, found: NetworkProfile) -> None:
    check_memory(setting.network, found, setting.video_BTCHW[:1])


def test_shapes_are_those_of_what_the_stages_give(setting: Setting, found: NetworkProfile) -> None:
    check_shapes(setting.network, found, setting.video_BTCHW[:1])


def test_a_stage_of_several_scales_has_a_shape_for_each() -> None:
    network = dyninf.build_network("msdnet_small", "plain", 5, 2).eval()
    found = profile(network, SIZE, SIZE)
    check_sums(network, found)
    check_memory(network, found, random_clips(1, 2))
    assert [len(stage.output_shapes) for stage in found.stages] == [3, 2, 1]


@given(staircases())
@hypothesis_settings(max_examples=10)
def test_all_of_it_holds_on_any_staircase(drawn: dict[str, object]) -> None:
    network = random_network("resnet_small", "joint", width=8, head_width=64, **drawn)
    found = profile(network, SIZE, SIZE)
    check_sums(network, found)
    check_memory(network, found, random_clips(1, network.num_frames))


@pytest.mark.parametrize("shift", sorted(set(SHIFTS) - {"offline"}))
def test_a_shift_is_charged_for_what_it_keeps(shift: str) -> None:
    network = random_network("resnet_small", "joint", 8, width=8, head_width=16, shift=shift)
    found = profile(network, SIZE, SIZE)
    check_memory(network, found, random_clips(1, 8))
    kept = [cell.kept_bytes for cell in found.cells if cell.cell.stage == 4]
    if shift == "none":
        assert kept == [0, 0, 0, 0]
        return
    assert kept[0] > 0
    if shift == "nearest":  # keeps all frames so far
        assert kept == [kept[0], 2 * kept[0], 3 * kept[0], 0]
    else:
        assert kept == [kept[0], kept[0], kept[0], 0]


@pytest.mark.parametrize("height, width", [(32, 48), (63, 33)])
def test_the_profile_follows_the_frame_size(small_network: Network, height: int, width: int) -> None:
    video_1TCHW = torch.randn(1, 8, 3, height, width)
    found = profile(small_network, height, width)
    check_memory(small_network, found, video_1TCHW)
    check_shapes(small_network, found, video_1TCHW)
    assert (found.height, found.width) == (height, width)


def test_a_shared_or_bare_parameter_counts_once_and_where_it_is_used_first() -> None:
    scheme = Scheme("joint", groups=2, shift="online")
    network = Network(TiedBackbone(), scheme, num_classes=5, num_frames=4)
    found = profile(network, SIZE, SIZE)
    check_sums(network, found)
    first, conv, scale, mixed, linear = 3 * 8 + 8, 9 * 8 * 8, 8, 8 * 8, 8 * 5 + 5
    assert [stage.params for stage in found.stages] == [first + conv + scale, 0]
    assert [head.params for head in found.heads] == [mixed + linear, linear]
    assert found.stages[1].macs == 4 * conv * SIZE**2  # used again, and paid for again


def test_parameters_of_stages_that_the_route_never_reaches_are_told_apart() -> None:
    network = dyninf.build_network("resnet_small", "depth", 5, 4, checkpoints=[[1, 2]])
    found = profile(network, SIZE, SIZE)
    check_sums(network, found)
    assert [stage.name for stage in found.stages] == ["res2", "res3"]
    assert [head.stage for head in found.heads] == ["res3"]
    assert found.unused_params == params_of(network.backbone.layer3) + params_of(network.backbone.layer4)


def test_the_profile_of_a_network_in_training_or_in_half_precision_is_the_same() -> None:
    network = random_network("resnet_small", "joint", 4, width=8, head_width=16)
    expected = profile(network, SIZE, SIZE)
    assert profile(copy.deepcopy(network).train().half(), SIZE, SIZE) == expected


def test_a_profile_is_made_on_a_copy(small_network: Network) -> None:
    before = {name: tensor.clone() for name, tensor in small_network.state_dict().items()}
    backbone = small_network.backbone
    profile(small_network, 40, 40)
    assert small_network.backbone is backbone
    assert all(torch.equal(before[name], tensor) for name, tensor in small_network.state_dict().items())


@pytest.mark.parametrize(
    "backbone, params, peak_mebibytes", [("resnet50", 29_124_848, 14.95), ("resnet101", 48_116_976, 14.71)]
)
def test_the_profile_of_the_papers_instances(backbone: str, params: int, peak_mebibytes: float) -> None:
    with torch.device("meta"):
        network = dyninf.build_network(backbone, scheme="joint", num_classes=400, num_frames=16)
    found = profile(network, 224, 224)
    assert found.params == params
    assert found.stages[-1].output_shapes == ((4, 2048, 7, 7),)
    # The most is carried behind res2 from the second group on: 256 maps of 56x56 for each of 4 frames.
    assert found.peak_bytes / 2**20 == pytest.approx(peak_mebibytes, abs=0.01)
    assert max(found.cells, key=lambda cell: cell.state_bytes).cell == (2, 1)
