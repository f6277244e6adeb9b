"""Law 6, state is a value: it can be indexed by clip, and a walk leaves nothing behind in the network.

Legend: B clips, T frames, C, H, W, K checkpoints, N classes.
"""

import pytest
import torch
from tests.networks import Setting, random_clips, random_network, relative_difference
from torch import Tensor

from dyninf.grid import Network, State


def walk_on(network: Network, state: State, video_BTCHW: Tensor, start: int) -> Tensor:
    """Logits (B, n, N) of the checkpoints behind the first `start` cells, continued from `state`."""
    places = {checkpoint.cell: checkpoint for checkpoint in network.checkpoints}
    logits = []
    for cell in network.route.cells[start:]:
        state = network.run_cell(cell, state, network.group_frames_of(video_BTCHW, cell.group))
        if cell in places:
            logits.append(network.predict(places[cell], state))
    return torch.stack(logits, 1)


def walk_to(network: Network, video_BTCHW: Tensor, stop: int) -> State:
    """The state after the first `stop` cells."""
    state = State()
    for cell in network.route.cells[:stop]:
        state = network.run_cell(cell, state, network.group_frames_of(video_BTCHW, cell.group))
    return state


def everything_in(network: Network) -> dict[str, object]:
    """All tensors, and all other attributes of all modules as text."""
    found: dict[str, object] = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    for name, module in network.named_modules():
        for key, value in vars(module).items():
            if key not in ("_modules", "_parameters", "_buffers"):
                found[f"{name}/{key}"] = repr(value)
        found[f"{name}/names"] = [
            sorted(module._parameters),
            sorted(module._buffers),
            sorted(module._modules),
        ]
    found["shift"] = dict(vars(network.shift))
    return found


@pytest.mark.parametrize(
    "index_B",
    [
        torch.tensor([True, False, True, False, True]),
        torch.tensor([4, 1, 2]),
        torch.tensor([3]),
        torch.tensor([2, 2]),
    ],
    ids=["mask", "reordered", "one", "twice"],
)
def test_a_walk_goes_on_with_any_choice_of_its_clips(setting: Setting, index_B: Tensor) -> None:
    network, cells = setting.network, len(setting.network.route.cells)
    stop = cells // 2
    with torch.inference_mode():
        state = walk_to(network, setting.video_BTCHW, stop)[index_B]
        logits_BnN = walk_on(network, state, setting.video_BTCHW[index_B], stop)
    expected_BnN = setting.logits_BKN[index_B, -logits_BnN.shape[1] :]
    assert relative_difference(logits_BnN, expected_BnN) <= 1e-4


def test_the_state_can_be_indexed_after_every_cell(small_network: Network) -> None:
    video_BTCHW = random_clips(6, 8)
    with torch.inference_mode():
        expected_BKN = small_network(video_BTCHW)
        for stop in range(1, len(small_network.route.cells)):
            order_B = torch.randperm(6, generator=torch.Generator().manual_seed(stop))[:4]
            state = walk_to(small_network, video_BTCHW, stop)[order_B]
            logits_BnN = walk_on(small_network, state, video_BTCHW[order_B], stop)
            assert relative_difference(logits_BnN, expected_BKN[order_B, -logits_BnN.shape[1] :]) <= 1e-4


def test_running_cells_changes_nothing_in_the_network(setting: Setting) -> None:
    before = everything_in(setting.network)
    with torch.inference_mode():
        for _ in setting.network.walk(setting.video_BTCHW[:2]):
            pass
    after = everything_in(setting.network)
    assert before.keys() == after.keys()
    for name, value in before.items():
        same = torch.equal(value, after[name]) if isinstance(value, Tensor) else value == after[name]
        assert same, f"{name} has changed"
    assert vars(setting.network.shift) == {}


def test_two_walks_over_one_network_do_not_affect_each_other(setting: Setting) -> None:
    network = setting.network
    one_BTCHW, two_BTCHW = setting.video_BTCHW[:1], setting.video_BTCHW[1:3]
    logits_of = ([], [])
    with torch.inference_mode():
        for (_, one_BN), (_, two_BN) in zip(network.walk(one_BTCHW), network.walk(two_BTCHW), strict=True):
            logits_of[0].append(one_BN)
            logits_of[1].append(two_BN)
    assert relative_difference(torch.stack(logits_of[0], 1), setting.logits_BKN[:1]) <= 1e-4
    assert relative_difference(torch.stack(logits_of[1], 1), setting.logits_BKN[1:3]) <= 1e-4


def test_a_cell_leaves_the_state_before_it_as_it_was(small_network: Network) -> None:
    video_BTCHW = random_clips(2, 8)
    places = {checkpoint.cell: checkpoint for checkpoint in small_network.checkpoints}
    states, logits = [State()], []
    with torch.inference_mode():
        for cell in small_network.route.cells:
            states.append(
                small_network.run_cell(
                    cell, states[-1], small_network.group_frames_of(video_BTCHW, cell.group)
                )
            )
        # Go back and run every cell once more, from the state that it had.
        for cell, state, after in zip(small_network.route.cells, states, states[1:], strict=False):
            again = small_network.run_cell(
                cell, state, small_network.group_frames_of(video_BTCHW, cell.group)
            )
            assert again.sums.keys() == after.sums.keys()
            assert again.frames == after.frames
            assert all(torch.equal(again.sums[stage], after.sums[stage]) for stage in after.sums)
            if cell in places:
                logits.append(small_network.predict(places[cell], again))
        assert relative_difference(torch.stack(logits, 1), small_network(video_BTCHW)) <= 1e-4


def test_what_no_later_cell_needs_is_dropped(small_network: Network) -> None:
    with torch.inference_mode():
        state = walk_to(small_network, random_clips(1, 8), len(small_network.route.cells))
    assert state.features == {}
    assert state.kept == {}


def test_every_tensor_of_the_state_has_the_clips_first() -> None:
    network = random_network(
        "resnet_small",
        "joint",
        8,
        width=8,
        head_width=16,
        staircase=[[2, 0, 0, 0], [2, 2, 0, 0], [4, 4, 4, 4]],
    )
    with torch.inference_mode():
        state = walk_to(network, random_clips(3, 8), 4)
        part = state[torch.tensor([2, 0])]
    assert set(state.features) == {1, 2}
    assert set(state.kept) == {1, 2}
    assert set(state.sums) == {2}
    for group, features in state.features.items():
        assert torch.equal(part.features[group], features[[2, 0]])
    for stage, kept in state.kept.items():
        assert all(torch.equal(a, b[[2, 0]]) for a, b in zip(part.kept[stage], kept, strict=True))
    assert torch.equal(part.sums[2], state.sums[2][[2, 0]])
    assert part.frames == {2: 4}
