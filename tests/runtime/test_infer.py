"""Leaving early for real: laws 2 (simulated is real), 3 (a clip is alone), 4 (costs), 5 (extremes).

Legend: B clips, T frames, C, H, W, V videos, K checkpoints, N classes.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from tests.grid.test_network import staircases
from tests.networks import (
    SIZE,
    Setting,
    counted,
    gap_middles,
    labelled,
    random_clips,
    random_network,
    relative_difference,
    thresholds_that_split,
)
from torch import Tensor

from dyninf import InferenceResult, infer
from dyninf.grid import Network
from dyninf.policies import Evidence, LearnedGate, MaxProbability, Policy
from dyninf.trace import Trace


def splitting_policies(trace: Trace) -> list[Policy]:
    """Policies under which clips leave at different checkpoints, safely away from occurring scores."""
    scores_VK = trace.scores(MaxProbability())
    K = scores_VK.shape[1]
    middles = gap_middles(scores_VK[:, :-1])
    gates = [] if trace.gate_VK is None else [LearnedGate(thresholds_that_split(trace.gate_VK))]
    return [
        *gates,
        MaxProbability(thresholds_that_split(scores_VK)),
        MaxProbability(thresholds_that_split(scores_VK, start=K // 2)),
        *(MaxProbability(middles[int(share * (len(middles) - 1))]) for share in (0.3, 0.6, 0.9)),
    ]


def check_same(found: InferenceResult, expected: InferenceResult, index_B: Tensor) -> None:
    """`found` is what `expected` says for its clips at `index_B`."""
    assert torch.equal(found.label_B, expected.label_B[index_B])
    assert torch.equal(found.checkpoint_B, expected.checkpoint_B[index_B])
    assert torch.equal(found.macs_B, expected.macs_B[index_B])
    assert relative_difference(found.logits_BN, expected.logits_BN[index_B]) <= 1e-4
    assert relative_difference(found.probability_B, expected.probability_B[index_B]) <= 1e-4


def check_law_2(network: Network, video_BTCHW: Tensor, trace: Trace, policy: Policy) -> InferenceResult:
    result, outcome = infer(network, video_BTCHW, policy), trace.replay(policy)
    assert torch.equal(result.checkpoint_B, outcome.checkpoint_V)
    assert torch.equal(result.label_B, outcome.predicted_V)
    assert torch.equal(result.macs_B, trace.macs_K[outcome.checkpoint_V])
    assert result.macs_B.mean().item() == pytest.approx(outcome.mean_macs, rel=1e-12)
    traced_BN = trace.logits_VKN[torch.arange(len(video_BTCHW)), result.checkpoint_B]
    assert relative_difference(result.logits_BN, traced_BN) <= 1e-4
    return result


# Law 2 -----------------------------------------------------------------------------------------------


def test_leaving_for_real_is_what_replaying_the_trace_says(setting: Setting) -> None:
    used = set()
    for policy in splitting_policies(setting.trace):
        result = check_law_2(setting.network, setting.video_BTCHW, setting.trace, policy)
        used |= set(result.checkpoint_B.tolist())
    assert len(used) >= 3, "the clips of this test all leave at the same few checkpoints"


@given(staircases(), st.data())
@hypothesis_settings(max_examples=25)
def test_replay_is_true_on_any_staircase_with_any_threshold(
    drawn: dict[str, object], data: st.DataObject
) -> None:
    network = random_network("resnet_small", "joint", width=8, head_width=64, **drawn)
    video_BTCHW = random_clips(4, network.num_frames)
    trace = Trace.record(network, [labelled(video_BTCHW)])
    middles = gap_middles(trace.scores(MaxProbability())[:, :-1])
    threshold = data.draw(st.sampled_from([0.0, *middles, 1.0001]))
    check_law_2(network, video_BTCHW, trace, MaxProbability(threshold))


def test_the_result_says_the_class_and_its_probability(setting: Setting) -> None:
    result = infer(setting.network, setting.video_BTCHW, splitting_policies(setting.trace)[0])
    probability_BN = result.logits_BN.softmax(-1)
    assert torch.equal(result.label_B, probability_BN.argmax(-1))
    assert torch.equal(result.probability_B, probability_BN.amax(-1))


# Law 3 -----------------------------------------------------------------------------------------------


def test_a_clip_does_not_depend_on_its_batch(setting: Setting) -> None:
    policy = splitting_policies(setting.trace)[0]
    together = infer(setting.network, setting.video_BTCHW, policy)
    assert len(set(together.checkpoint_B.tolist())) >= 3
    for b in range(len(setting.video_BTCHW)):
        alone = infer(setting.network, setting.video_BTCHW[b : b + 1], policy)
        check_same(alone, together, torch.tensor([b]))
    for index_B in (torch.tensor([4, 2, 0, 3, 1]), torch.tensor([3, 3, 0])):
        check_same(infer(setting.network, setting.video_BTCHW[index_B], policy), together, index_B)


# Law 4 -----------------------------------------------------------------------------------------------


def test_nothing_runs_behind_the_checkpoint_where_a_clip_left(setting: Setting) -> None:
    network, video_BTCHW = setting.network, setting.video_BTCHW
    macs_K = network.costs(SIZE, SIZE).macs_K
    for policy in (splitting_policies(setting.trace)[0], MaxProbability(0.0), MaxProbability(2.0)):
        with counted(network) as counter:
            result = infer(network, video_BTCHW, policy)
        assert counter.macs == result.macs_B.sum().item()
        assert counter.idle == 0, "cells have run after the last clip left"
        assert torch.equal(result.macs_B, macs_K[result.checkpoint_B])


# Law 5 -----------------------------------------------------------------------------------------------


def test_threshold_zero_stops_every_clip_at_the_first_checkpoint(setting: Setting) -> None:
    result = check_law_2(setting.network, setting.video_BTCHW, setting.trace, MaxProbability(0.0))
    assert result.checkpoint_B.tolist() == [0] * 5


def test_above_one_no_clip_stops_before_the_last_which_accepts(setting: Setting) -> None:
    result = check_law_2(setting.network, setting.video_BTCHW, setting.trace, MaxProbability(1.0001))
    assert result.checkpoint_B.tolist() == [len(setting.network.checkpoints) - 1] * 5


@pytest.mark.parametrize("threshold", [2.0, float("inf")])
def test_however_far_above_one_no_clip_stops_before_the_last(
    small_network: Network, threshold: float
) -> None:
    video_BTCHW = random_clips(5, 8)
    trace = Trace.record(small_network, [labelled(video_BTCHW)])
    result = check_law_2(small_network, video_BTCHW, trace, MaxProbability(threshold))
    assert result.checkpoint_B.tolist() == [len(small_network.checkpoints) - 1] * 5


def test_the_last_checkpoint_accepts_whatever_threshold_it_is_given(small_network: Network) -> None:
    K = len(small_network.checkpoints)
    for thresholds in ([2.0] * K, [2.0] * (K - 1)):
        result = infer(small_network, random_clips(2, 8), MaxProbability(thresholds))
        assert result.checkpoint_B.tolist() == [K - 1, K - 1]


@pytest.mark.parametrize("threshold", [0.0, 0.5, 2.0])
def test_a_video_that_holds_a_nan_is_an_error_and_never_an_answer(setting: Setting, threshold: float) -> None:
    video_BTCHW = setting.video_BTCHW[:3].clone()
    video_BTCHW[1, setting.network.permutation[0][0], 0, 3, 3] = torch.nan
    with pytest.raises(ValueError, match=r"logits of clip 1 at checkpoint 0 \(from 0\) are not finite"):
        infer(setting.network, video_BTCHW, MaxProbability(threshold))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_network_whose_weights_are_broken_is_an_error(value: float) -> None:
    network = random_network("resnet_small", "joint", 8, width=8, head_width=16)
    with torch.no_grad():
        network.backbone.layer2[0].conv1.weight[0, 0, 0, 0] = value
    with pytest.raises(ValueError, match=r"logits of clip 0 at checkpoint 0 \(from 0\) are not finite"):
        infer(network, random_clips(2, 8), MaxProbability(0.5))


def test_a_nan_behind_the_checkpoint_where_the_clip_left_does_not_matter(small_network: Network) -> None:
    video_BTCHW = random_clips(2, 8)
    expected = infer(small_network, video_BTCHW, MaxProbability(0.0))
    video_BTCHW[:, list(small_network.permutation[1])] = torch.nan
    check_same(infer(small_network, video_BTCHW, MaxProbability(0.0)), expected, torch.arange(2))


def test_a_broken_clip_keeps_its_number_after_others_have_left(small_network: Network) -> None:
    video_BTCHW = random_clips(4, 8)
    with torch.inference_mode():
        scores_BK = MaxProbability().scores(Evidence(small_network(video_BTCHW)))
    order_B = scores_BK[:, 0].argsort(descending=True)
    middle = (scores_BK[order_B[0], 0] + scores_BK[order_B[1], 0]).item() / 2
    video_BTCHW = video_BTCHW[order_B]
    video_BTCHW[2, list(small_network.permutation[1])] = torch.nan  # clip 0 leaves before that group
    thresholds = [middle] + [2.0] * (len(small_network.checkpoints) - 1)
    with pytest.raises(ValueError, match=r"logits of clip 2 at checkpoint 3 \(from 0\) are not finite"):
        infer(small_network, video_BTCHW, MaxProbability(thresholds))


# What is refused -------------------------------------------------------------------------------------


def test_a_network_in_training_mode_is_refused() -> None:
    network = random_network("resnet_small", "joint", 8, width=8, head_width=16).train()
    with pytest.raises(ValueError, match=r"training mode.*call \.eval\(\)"):
        infer(network, random_clips(2, 8), MaxProbability(0.5))


def test_what_does_not_fit_is_refused_before_anything_runs(small_network: Network) -> None:
    with counted(small_network) as counter:
        with pytest.raises(ValueError, match="need clips of shape"):
            infer(small_network, random_clips(2, 4), MaxProbability(0.5))
        with pytest.raises(ValueError, match="5 thresholds for 12 checkpoints"):
            infer(small_network, random_clips(2, 8), MaxProbability([0.5] * 5))
        with pytest.raises(ValueError, match="no threshold yet"):
            infer(small_network, random_clips(2, 8), MaxProbability())
    assert counter.macs == 0


def test_an_empty_batch_gives_an_empty_result(small_network: Network) -> None:
    result = infer(small_network, random_clips(1, 8)[:0], MaxProbability(0.5))
    assert [len(value) for value in vars(result).values()] == [0] * 5
    assert result.logits_BN.shape == (0, small_network.num_classes)


def test_a_plain_network_is_a_grid_with_one_checkpoint() -> None:
    network = random_network("resnet_small", "plain", 4, width=8, head_width=16)
    video_BTCHW = random_clips(3, 4)
    trace = Trace.record(network, [labelled(video_BTCHW)])
    for threshold in (0.0, 0.5, 2.0):
        result = check_law_2(network, video_BTCHW, trace, MaxProbability(threshold))
        assert result.checkpoint_B.tolist() == [0, 0, 0]


def test_leaving_under_autocast_keeps_float32_logits(small_network: Network) -> None:
    video_BTCHW = torch.randn(3, small_network.num_frames, 3, 32, 32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        result = infer(small_network, video_BTCHW, MaxProbability(0.3))
    assert result.logits_BN.dtype == torch.float32
    assert (result.checkpoint_B >= 0).all()


def test_bytes_are_not_taken_for_normalised_clips(small_network: Network) -> None:
    video_BTCHW = torch.zeros(1, small_network.num_frames, 3, 32, 32, dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"floating-point type, got torch\.uint8"):
        infer(small_network, video_BTCHW, MaxProbability(0.3))
