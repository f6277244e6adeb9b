"""A split with real exits.

Legend: B clips, V videos, K checkpoints.
"""

import pytest
import torch
from tests.networks import labelled, random_clips, random_network, thresholds_that_split

from dyninf import infer
from dyninf.grid import Network
from dyninf.policies import Entropy, Margin, MaxProbability, Oracle, Patience, Policy, RandomExit
from dyninf.runtime import evaluate
from dyninf.trace import Trace


def test_evaluating_is_what_replaying_the_trace_says(small_network: Network) -> None:
    loader = [labelled(random_clips(4, 8, seed=seed), f"batch{seed}") for seed in (1, 2, 3)]
    trace = Trace.record(small_network, loader)
    policy = MaxProbability(thresholds_that_split(trace.scores(MaxProbability()), start=2))
    real, simulated = evaluate(small_network, loader, policy), trace.replay(policy)
    assert len(set(real.checkpoint_V.tolist())) >= 3
    assert torch.equal(real.checkpoint_V, simulated.checkpoint_V)
    assert torch.equal(real.predicted_V, simulated.predicted_V)
    assert torch.equal(real.exit_share_K, simulated.exit_share_K)
    assert (real.top1, real.top5) == (simulated.top1, simulated.top5)
    assert real.mean_macs == simulated.mean_macs


def test_a_loader_that_can_be_read_once_is_enough(small_network: Network) -> None:
    batch = labelled(random_clips(2, 8))
    assert evaluate(small_network, iter([batch]), MaxProbability(0.0)).exit_share_K[0] == 1


def test_the_mode_of_the_network_stays_as_it_was() -> None:
    network = random_network("resnet_small", "joint", 8, width=8, head_width=16).train()
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    evaluate(network, [labelled(random_clips(2, 8))], MaxProbability(0.5))
    assert network.training
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())


def test_the_mode_of_the_network_stays_as_it_was_after_an_error() -> None:
    network = random_network("resnet_small", "joint", 8, width=8, head_width=16).train()
    with pytest.raises(ValueError, match="not finite"):
        evaluate(network, [labelled(random_clips(2, 8) * torch.nan)], MaxProbability(0.5))
    assert network.training


def test_an_empty_loader_is_refused(small_network: Network) -> None:
    with pytest.raises(ValueError, match="loader is empty"):
        evaluate(small_network, [], MaxProbability(0.5))


def test_videos_of_two_frame_sizes_are_refused_because_their_costs_differ(small_network: Network) -> None:
    loader = [labelled(random_clips(1, 8, size)) for size in (32, 48)]
    with pytest.raises(ValueError, match=r"one frame size.*\(32, 32\), \(48, 48\)"):
        evaluate(small_network, loader, MaxProbability(0.5))


def test_a_video_that_gives_a_nan_is_refused_by_name(small_network: Network) -> None:
    video_BTCHW = random_clips(3, 8)
    video_BTCHW[2] = torch.nan
    loader = [labelled(random_clips(2, 8)), labelled(video_BTCHW, "broken")]
    with pytest.raises(
        ValueError, match=r"logits of video broken-2 at checkpoint 0 \(from 0\) are not finite"
    ):
        evaluate(small_network, loader, MaxProbability(0.5))


def splitting_policies(trace: Trace) -> list[Policy]:
    """Each criterion, with thresholds under which videos leave at different checkpoints."""
    split = [
        policy.with_threshold(thresholds_that_split(trace.scores(policy), start=2))
        for policy in (Entropy(), Margin(), MaxProbability(temperature=2.5), RandomExit(seed=5))
    ]
    shares = [0.2, 0, 0.3, *[0] * (len(trace.macs_K) - 4), 0.5]
    return [*split, Patience(2), Patience(3), Oracle(), RandomExit(shares)]


@pytest.mark.parametrize("views", [None, 2])
def test_every_criterion_leaves_for_real_where_its_replay_says(
    small_network: Network, views: int | None
) -> None:
    # Three batches of different sizes, as a loader gives them that leaves videos out.
    parts = random_clips(14 if views else 7, 8).split([4, 2, 8] if views else [3, 1, 3])
    videos = [part.unflatten(0, (-1, views)) if views else part for part in parts]
    loader = [labelled(video, f"batch{i}") for i, video in enumerate(videos)]
    trace = Trace.record(small_network, loader)
    used = set()
    for policy in splitting_policies(trace):
        real, simulated = evaluate(small_network, loader, policy), trace.replay(policy)
        assert torch.equal(real.checkpoint_V, simulated.checkpoint_V), policy
        assert torch.equal(real.predicted_V, simulated.predicted_V)
        assert real.mean_macs == simulated.mean_macs
        used |= set(real.checkpoint_V.tolist())
    assert len(used) >= 4


def test_the_numbers_of_videos_are_their_rows_when_some_of_a_trace_are_left_out(
    small_network: Network,
) -> None:
    loader = [labelled(random_clips(4, 8, seed=seed), f"batch{seed}") for seed in (1, 2)]
    whole, policy = Trace.record(small_network, loader), RandomExit(threshold=0.5)
    gone = labelled(loader[0].video[[0, 2, 3]], "batch1")
    fewer = evaluate(small_network, [gone, loader[1]], policy)
    assert torch.equal(fewer.checkpoint_V, whole.without(["batch1-1"]).replay(policy).checkpoint_V)


def test_a_numbered_clip_is_drawn_alike_in_any_batch_and_unnumbered_ones_by_their_places(
    small_network: Network,
) -> None:
    video_BTCHW, policy = random_clips(4, 8), RandomExit(threshold=0.5)
    together = infer(small_network, video_BTCHW, policy, clip_B=torch.tensor([9, 4, 11, 2]))
    alone = infer(small_network, video_BTCHW[2:3], policy, clip_B=torch.tensor([11]))
    assert alone.checkpoint_B[0] == together.checkpoint_B[2]
    unnumbered = infer(small_network, video_BTCHW, policy)
    numbered = infer(small_network, video_BTCHW, policy, clip_B=torch.arange(4))
    assert torch.equal(unnumbered.checkpoint_B, numbered.checkpoint_B)


def test_the_oracle_without_labels_and_wrong_numbers_of_clips_are_refused(small_network: Network) -> None:
    video_BTCHW = random_clips(2, 8)
    with pytest.raises(ValueError, match="cannot judge without the labels; give label_B"):
        infer(small_network, video_BTCHW, Oracle())
    with pytest.raises(ValueError, match="2 clips need one clip number each"):
        infer(small_network, video_BTCHW, Oracle(), clip_B=torch.arange(3))
