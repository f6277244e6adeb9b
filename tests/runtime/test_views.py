"""Videos in several views: the laws hold for them as for clips.

Legend: B videos, Q views, T frames, C, H, W, V videos, K checkpoints, N classes.
"""

from dataclasses import dataclass

import pytest
import torch
from tests.networks import (
    NUM_CLASSES,
    SIZE,
    counted,
    labelled,
    random_clips,
    random_network,
    relative_difference,
    thresholds_that_split,
)
from torch import Tensor

from dyninf import Trace, infer
from dyninf.grid import Network
from dyninf.policies import MaxProbability
from dyninf.runtime import evaluate

VIDEOS, VIEWS = 5, 3


@dataclass(frozen=True)
class Viewed:
    """A network, five videos in three views each, their trace, and a policy that parts them."""

    network: Network
    video_BQTCHW: Tensor
    trace: Trace
    policy: MaxProbability


@pytest.fixture(
    scope="module",
    params=[
        ("resnet_small", "depth"),
        ("resnet_small", "joint"),
        ("resnet50", "input"),
        ("msdnet_small", "joint"),
        ("mobilenet_v2", "joint"),
    ],
    ids="-".join,
)
def viewed(request: pytest.FixtureRequest) -> Viewed:
    network = random_network(*request.param, 4)
    # Views of one video have one contrast, so that videos differ more than their views do.
    clips_BTCHW = torch.cat([random_clips(VIDEOS, 4, seed=seed) for seed in range(VIEWS)])
    video_BQTCHW = clips_BTCHW.unflatten(0, (VIEWS, VIDEOS)).transpose(0, 1)
    trace = Trace.record(network, [labelled(video_BQTCHW)])
    policy = MaxProbability(thresholds_that_split(trace.scores(MaxProbability())))
    return Viewed(network, video_BQTCHW, trace, policy)


def test_a_trace_holds_the_mean_of_the_views_and_the_costs_of_all(viewed: Viewed) -> None:
    flat = Trace.record(viewed.network, [labelled(viewed.video_BQTCHW.flatten(0, 1))])
    expected_VKN = flat.logits_VKN.softmax(-1).unflatten(0, (VIDEOS, VIEWS)).mean(1)
    assert viewed.trace.logits_VKN.shape == (VIDEOS, len(viewed.network.checkpoints), NUM_CLASSES)
    torch.testing.assert_close(viewed.trace.logits_VKN.softmax(-1), expected_VKN, rtol=1e-4, atol=1e-6)
    assert torch.equal(viewed.trace.macs_K, VIEWS * flat.macs_K)


def test_leaving_for_real_is_what_replaying_the_trace_says(viewed: Viewed) -> None:
    for policy in (viewed.policy, MaxProbability(0.0), MaxProbability(2.0)):
        result, outcome = (
            infer(viewed.network, viewed.video_BQTCHW, policy),
            viewed.trace.replay(policy),
        )
        assert torch.equal(result.checkpoint_B, outcome.checkpoint_V)
        assert torch.equal(result.label_B, outcome.predicted_V)
        assert torch.equal(result.macs_B, viewed.trace.macs_K[outcome.checkpoint_V])
        traced_BN = viewed.trace.logits_VKN[torch.arange(VIDEOS), result.checkpoint_B]
        assert relative_difference(result.logits_BN, traced_BN) <= 1e-4
    assert len(set(viewed.trace.replay(viewed.policy).checkpoint_V.tolist())) >= 3


def test_a_video_does_not_depend_on_its_batch(viewed: Viewed) -> None:
    together = infer(viewed.network, viewed.video_BQTCHW, viewed.policy)
    for index_B in (*torch.arange(VIDEOS)[:, None], torch.tensor([3, 0, 3])):
        found = infer(viewed.network, viewed.video_BQTCHW[index_B], viewed.policy)
        assert torch.equal(found.label_B, together.label_B[index_B])
        assert torch.equal(found.checkpoint_B, together.checkpoint_B[index_B])
        assert relative_difference(found.logits_BN, together.logits_BN[index_B]) <= 1e-4


def test_the_costs_are_what_really_runs_for_all_views(viewed: Viewed) -> None:
    with counted(viewed.network) as counter:
        result = infer(viewed.network, viewed.video_BQTCHW, viewed.policy)
    assert counter.macs == result.macs_B.sum().item()
    assert counter.idle == 0
    macs_K = viewed.network.costs(SIZE, SIZE).macs_K
    assert torch.equal(result.macs_B, VIEWS * macs_K[result.checkpoint_B])


def test_evaluating_is_what_replaying_the_trace_says(viewed: Viewed) -> None:
    parts = viewed.video_BQTCHW.split((2, 3))
    loader = [labelled(part, f"part{i}") for i, part in enumerate(parts)]
    real = evaluate(viewed.network, loader, viewed.policy)
    simulated = Trace.record(viewed.network, loader).replay(viewed.policy)
    assert torch.equal(real.checkpoint_V, simulated.checkpoint_V)
    assert (real.top1, real.top5, real.mean_macs) == (simulated.top1, simulated.top5, simulated.mean_macs)


def test_one_view_is_the_clip_bit_for_bit(viewed: Viewed) -> None:
    one_BQTCHW = viewed.video_BQTCHW[:, :1]
    found = infer(viewed.network, one_BQTCHW, viewed.policy)
    expected = infer(viewed.network, one_BQTCHW[:, 0], viewed.policy)
    assert all(torch.equal(value, vars(expected)[name]) for name, value in vars(found).items())


def test_a_broken_view_is_an_error_that_counts_videos(viewed: Viewed) -> None:
    video_BQTCHW = viewed.video_BQTCHW.clone()
    video_BQTCHW[2, 1] = torch.nan
    with pytest.raises(ValueError, match=r"logits of clip 2 at checkpoint 0 \(from 0\) are not finite"):
        infer(viewed.network, video_BQTCHW, viewed.policy)
    with pytest.raises(ValueError, match=r"video clip-2 at checkpoint 0 \(from 0\) are not finite"):
        evaluate(viewed.network, [labelled(video_BQTCHW)], viewed.policy)


def test_different_numbers_of_views_are_refused_because_their_costs_differ(small_network: Network) -> None:
    loader = [labelled(random_clips(6, 8).unflatten(0, (-1, views)), f"{views}") for views in (2, 3)]
    for run in (Trace.record, lambda *given: evaluate(*given, MaxProbability(0.5))):
        with pytest.raises(ValueError, match=r"number of views.*\(2, 32, 32\), \(3, 32, 32\)"):
            run(small_network, loader)
