"""A split with real exits.

Legend: B clips, V videos, K checkpoints.
"""

import pytest
import torch
from tests.networks import labelled, random_clips, random_network, thresholds_that_split

from dyninf.grid import Network
from dyninf.policies import MaxProbability
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
    with pytest.raises(ValueError, match="logits of video broken-2 at checkpoint 0 are not finite"):
        evaluate(small_network, loader, MaxProbability(0.5))
