"""Law 1, one function: all checkpoints at once are what the walk computes, from the frames that it has read.

Legend: B clips, T frames, C, H, W, G groups, K checkpoints, N classes.
"""

import copy

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.networks import Setting, random_clips, random_network, relative_difference
from torch import Tensor

from dyninf import build_network
from dyninf.grid import Cell, Exchange, Frames, Network, Scheme, State
from dyninf.grid.shift import SHIFTS


def walked(network: Network, video_BTCHW: Tensor) -> Tensor:
    """Logits (B, K, N), cell by cell."""
    with torch.inference_mode():
        return torch.stack([logits_BN for _, logits_BN in network.walk(video_BTCHW)], 1)


def in_one_pass(network: Network, video_BTCHW: Tensor) -> Tensor:
    """Logits (B, K, N), stage by stage."""
    with torch.inference_mode():
        return network(video_BTCHW)


def groups_read(network: Network, k: int) -> set[int]:
    """The groups whose frames a walk to checkpoint k has read."""
    cells = network.route.cells
    return {cell.group for cell in cells[: cells.index(network.checkpoints[k].cell) + 1]}


def with_unread_frames(network: Network, video_TCHW: Tensor, value: float) -> Tensor:
    """The clip K times (K, T, C, H, W): in the k-th, frames that checkpoint k must not read are `value`."""
    video_KTCHW = video_TCHW.repeat(len(network.checkpoints), 1, 1, 1, 1)
    for k in range(len(network.checkpoints)):
        for group, frames in enumerate(network.permutation, 1):
            if group not in groups_read(network, k):
                video_KTCHW[k, list(frames)] = value
    return video_KTCHW


def own_checkpoint(logits_KKN: Tensor) -> Tensor:
    """Of clip k, the logits at checkpoint k."""
    return logits_KKN[torch.arange(len(logits_KKN)), torch.arange(len(logits_KKN))]


def check_law_1(network: Network, video_BTCHW: Tensor, in_one_pass_BKN: Tensor) -> None:
    walked_BKN = walked(network, video_BTCHW)
    for k in range(len(network.checkpoints)):
        assert relative_difference(in_one_pass_BKN[:, k], walked_BKN[:, k]) <= 1e-4

    blind_KTCHW = with_unread_frames(network, video_BTCHW[0], torch.nan)
    for compute in (in_one_pass, walked):
        seen_KN = own_checkpoint(compute(network, blind_KTCHW))
        assert relative_difference(seen_KN, in_one_pass_BKN[0]) <= 1e-4


def test_one_pass_over_the_stages_gives_the_logits_of_the_walk(setting: Setting) -> None:
    walked_BKN = walked(setting.network, setting.video_BTCHW)
    assert walked_BKN.shape == (5, len(setting.network.checkpoints), setting.network.num_classes)
    for k in range(len(setting.network.checkpoints)):
        assert relative_difference(setting.logits_BKN[:, k], walked_BKN[:, k]) <= 1e-4


def test_frames_that_the_route_has_not_processed_change_no_logit(setting: Setting) -> None:
    network = setting.network
    blind_KTCHW = with_unread_frames(network, setting.video_BTCHW[0], torch.nan)
    for compute in (in_one_pass, walked):
        logits_KKN = compute(network, blind_KTCHW)
        assert relative_difference(own_checkpoint(logits_KKN), setting.logits_BKN[0]) <= 1e-4
        if setting.scheme != "depth":
            assert logits_KKN[0, -1].isnan().all(), "the last checkpoint reads every frame"


def test_frames_that_the_route_has_processed_change_the_logits(setting: Setting) -> None:
    network = setting.network
    k = len(network.checkpoints) - 1
    for group, frames in enumerate(network.permutation, 1):
        if group in groups_read(network, k):
            other_BTCHW = setting.video_BTCHW[:1].clone()
            other_BTCHW[:, frames[0]] = -other_BTCHW[:, frames[0]]
            assert (
                relative_difference(in_one_pass(network, other_BTCHW)[0, k], setting.logits_BKN[0, k]) > 1e-4
            )
            break


def test_only_processed_frames_get_a_gradient(small_network: Network) -> None:
    video_BTCHW = random_clips(2, 8).requires_grad_()
    logits_BKN = small_network(video_BTCHW)
    for k in range(len(small_network.checkpoints)):
        (gradient_BTCHW,) = torch.autograd.grad(logits_BKN[:, k].sum(), video_BTCHW, retain_graph=True)
        strength_T = gradient_BTCHW.abs().sum((0, 2, 3, 4))
        read = {
            frame for group in groups_read(small_network, k) for frame in small_network.permutation[group - 1]
        }
        for frame in range(8):
            assert (strength_T[frame] > 0) == (frame in read)


@st.composite
def staircases(draw: st.DrawFn) -> dict[str, object]:
    """Settings of a scheme whose route is any order that the grid allows, with any checkpoints on it."""
    groups = draw(st.integers(1, 4))
    shift = draw(st.sampled_from(["none", "online", "nearest", "two_way"] + ["offline"] * (groups == 1)))
    random = draw(st.randoms(use_true_random=True))
    depths = [0] * groups
    staircase = []
    # Every step takes one group one stage on; some of the route always has a stage with a head.
    for _ in range(random.randint(2, 4 * groups)):
        may_go_on = [
            g
            for g, depth in enumerate(depths)
            if depth < 4 and (not SHIFTS[shift].keeps or g == 0 or depth < depths[g - 1])
        ]
        depths[random.choice(may_go_on)] += 1
        staircase.append(list(depths))
    if max(depths) < 2:
        depths[0] = 2
        staircase.append(list(depths))
    headed = [[g, d] for g, depth in enumerate(depths, 1) for d in range(2, depth + 1)]
    return {
        "groups": groups,
        "shift": shift,
        "staircase": staircase,
        "checkpoints": random.sample(headed, random.randint(1, len(headed))),
        "order": draw(st.sampled_from(["permuted", "plain", "bisection"])),
        "average": draw(st.sampled_from(["stage", "cells"])),
        "num_frames": groups * draw(st.integers(1, 3)),
    }


@given(staircases())
@hypothesis_settings(max_examples=40)
def test_any_staircase_with_any_checkpoints_is_one_function(drawn: dict[str, object]) -> None:
    network = random_network("resnet_small", "joint", width=8, head_width=64, **drawn)
    assert {tuple(c.cell) for c in network.checkpoints} == {tuple(cell) for cell in drawn["checkpoints"]}
    assert network.route.cells[-1] == network.checkpoints[-1].cell
    video_BTCHW = random_clips(2, network.num_frames)
    check_law_1(network, video_BTCHW, in_one_pass(network, video_BTCHW))


@given(staircases())
@hypothesis_settings(max_examples=15)
def test_a_checkpoint_says_how_many_frames_its_head_averages(drawn: dict[str, object]) -> None:
    network = random_network("resnet_small", "joint", width=8, head_width=64, **drawn)
    for checkpoint in network.checkpoints:
        cells = network.route.cells
        before = cells[: cells.index(checkpoint.cell) + 1]
        groups = sum(cell.stage == checkpoint.cell.stage for cell in before)
        assert checkpoint.frames == groups * network.num_frames // drawn["groups"]
        assert checkpoint.stage == f"res{checkpoint.cell.stage + 1}"
        assert checkpoint.name == f"{checkpoint.frames}f-{checkpoint.stage}"
    assert len({checkpoint.name for checkpoint in network.checkpoints}) == len(network.checkpoints)


def test_the_head_averages_over_all_frames_at_its_stage_so_far() -> None:
    network = random_network("resnet_small", "joint", 4, shift="none", groups=4, width=8, head_width=16)
    video_BTCHW = random_clips(2, 4)
    logits_BKN = in_one_pass(network, video_BTCHW)
    features = []
    with torch.inference_mode():
        for frame in [frame for group in network.permutation for frame in group]:
            x = video_BTCHW[:, frame]
            for stage in (1, 2, 3):
                x = network.backbone.run_stage(stage, x, Exchange(network.shift, Frames(((frame,),))))
            features.append(network.backbone.embed(3, x))
            k = [c.name for c in network.checkpoints].index(f"{len(features)}f-res4")
            expected_BN = network.backbone.classify(3, torch.stack(features).mean(0))
            assert relative_difference(logits_BKN[:, k], expected_BN) <= 1e-4


def test_a_head_can_average_over_all_cells_so_far() -> None:
    options = {"groups": 2, "shift": "none", "width": 8, "head_width": 64}
    network = random_network("resnet_small", "joint", 4, average="cells", **options)
    video_BTCHW = random_clips(2, 4)
    read = []
    with torch.inference_mode():
        logits_BKN = network(video_BTCHW)
        for cell in network.route.cells:
            for frame in network.permutation[cell.group - 1]:
                x = video_BTCHW[:, frame]
                for stage in range(1, cell.stage + 1):
                    x = network.backbone.run_stage(stage, x, Exchange(network.shift, Frames(((frame,),))))
                if cell.stage > 1:
                    read.append(network.backbone.embed(cell.stage, x))
            if cell.stage > 1:
                k = [checkpoint.cell for checkpoint in network.checkpoints].index(cell)
                expected_BN = network.backbone.classify(cell.stage, torch.stack(read).mean(0))
                assert relative_difference(logits_BKN[:, k], expected_BN) <= 1e-4
    assert len(read) == 4 * 3


def test_heads_of_different_widths_cannot_be_averaged_over_cells() -> None:
    with pytest.raises(ValueError, match=r"resnet_small have 16, 16, 64 features; set a head_width"):
        build_network("resnet_small", "joint", 5, 4, width=8, head_width=16, average="cells")


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize(
    ("backbone", "shift"),
    [("resnet_small", "nearest"), ("msdnet_small", "online"), ("mobilenet_v2", "two_way")],
)
def test_activation_checkpointing_changes_neither_gradients_nor_statistics(
    backbone: str, shift: str, precision: torch.dtype
) -> None:
    network = random_network(backbone, "joint", 4, shift=shift).train()
    other = copy.deepcopy(network)
    other.activation_checkpointing = True
    # Large enough for every tap of every kernel to meet its map: where one never does, its gradient in
    # bfloat16 on a CPU is whatever lay in memory (torch 2.14.1).
    video_BTCHW = random_clips(3, 4, size=96)
    for one in (network, other):
        torch.manual_seed(0)  # for dropout
        with torch.autocast("cpu", dtype=precision, enabled=precision != torch.float32):
            loss = one(video_BTCHW).square().sum()
        loss.backward()
    for (name, parameter), again in zip(network.named_parameters(), other.parameters(), strict=True):
        assert parameter.grad is not None, name
        assert relative_difference(again.grad, parameter.grad) <= 1e-4, name
    for (name, buffer), again in zip(network.named_buffers(), other.buffers(), strict=True):
        assert torch.equal(buffer, again), name


@pytest.mark.parametrize("shape", [(2, 7, 3, 32, 32), (8, 3, 32, 32), (1, 2, 8, 3, 32, 32)])
def test_clips_of_another_shape_are_refused(small_network: Network, shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"need clips of shape \(B, 8, C, H, W\).*got \("):
        small_network(torch.zeros(shape))
    with pytest.raises(ValueError, match="need clips of shape"):
        next(small_network.walk(torch.zeros(shape)))


def test_a_first_stage_without_its_video_is_refused(small_network: Network) -> None:
    with pytest.raises(ValueError, match=r"cell \(1, 1\).*needs the frames of group 1"):
        small_network.run_cell(Cell(1, 1), State())


def test_an_empty_batch_gives_no_logits(small_network: Network) -> None:
    assert small_network(torch.zeros(0, 8, 3, 32, 32)).shape == (0, 12, 5)


def test_a_backbone_serves_one_network() -> None:
    backbone = build_network("resnet_small", "depth", 5, 4).backbone
    with pytest.raises(ValueError, match="has heads already"):
        Network(backbone, Scheme("plain", checkpoints="final"), 5, 4)
