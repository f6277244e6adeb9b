"""A policy that asks the gates of the network.

Legend: B clips, J checkpoints seen so far, K checkpoints, N classes.
"""

import pytest
import torch
from tests.networks import gap_middles, labelled, random_clips, random_network, thresholds_that_split
from tests.trace.traces import random_trace

from dyninf import infer
from dyninf.grid import Network
from dyninf.policies import Evidence, LearnedGate, MaxProbability
from dyninf.runtime import evaluate
from dyninf.trace import Trace


@pytest.fixture(scope="module")
def gated() -> Network:
    return random_network("resnet_small", "joint", 8, gates=16, width=8, head_width=16)


def test_the_score_is_what_the_gates_say() -> None:
    evidence = Evidence(torch.randn(2, 0, 4))
    gate_BJ = torch.tensor([[0.3, 0.9], [0.1, 0.2]], dtype=torch.float64)
    for j in range(2):
        evidence = evidence.and_then(torch.randn(2, 4), gate_BJ[:, j])
        assert torch.equal(LearnedGate().scores(evidence), gate_BJ[:, : j + 1])
    assert torch.equal(evidence[torch.tensor([1])].gate_BJ, gate_BJ[1:])
    assert LearnedGate(0.2).stops(evidence, 3).tolist() == [True, True]
    assert LearnedGate([0.5, 0.5]).stops(evidence, 3).tolist() == [True, False]


@pytest.mark.parametrize("views", [None, 3])
def test_leaving_for_real_is_what_replaying_the_trace_says(gated: Network, views: int | None) -> None:
    parts = random_clips(15 if views else 7, 8).split([9, 6] if views else [4, 3])
    videos = [part.unflatten(0, (-1, views)) if views else part for part in parts]
    loader = [labelled(video, f"batch{i}") for i, video in enumerate(videos)]
    trace = Trace.record(gated, loader)
    middles = gap_middles(trace.gate_VK[:, :-1])
    used = set()
    for policy in (
        LearnedGate(thresholds_that_split(trace.gate_VK)),
        LearnedGate(thresholds_that_split(trace.gate_VK, start=4)),
        LearnedGate(middles[len(middles) // 2]),
        LearnedGate(0.0),
        LearnedGate(1.0001),
    ):
        real, simulated = evaluate(gated, loader, policy), trace.replay(policy)
        assert torch.equal(real.checkpoint_V, simulated.checkpoint_V)
        assert torch.equal(real.predicted_V, simulated.predicted_V)
        assert real.mean_macs == simulated.mean_macs
        used |= set(real.checkpoint_V.tolist())
    assert {0, 11} < used
    assert len(used) >= 4


def test_a_trace_with_gates_comes_back_from_disk_and_keeps_the_rows_of_its_videos(
    gated: Network, tmp_path: object
) -> None:
    trace = Trace.record(gated, [labelled(random_clips(4, 8))])
    trace.save(tmp_path / "trace")
    loaded = Trace.load(tmp_path / "trace")
    assert torch.equal(loaded.gate_VK, trace.gate_VK)
    assert loaded.gate_VK.dtype == torch.float64
    assert torch.equal(loaded.without(["clip-1"]).gate_VK, trace.gate_VK[[0, 2, 3]])
    (tmp_path / "trace/gates.npy").unlink()
    with pytest.raises(ValueError, match=r"trace is damaged: .*gates.npy"):
        Trace.load(tmp_path / "trace")


def test_a_replay_of_many_videos_gives_each_its_own_gates() -> None:
    plain = random_trace(2500, 3)
    gate_VK = torch.rand(2500, 3, dtype=torch.float64)
    trace = Trace(**{**vars(plain), "gate_VK": gate_VK})
    assert torch.equal(trace.scores(LearnedGate()), gate_VK)
    assert torch.equal(trace.scores(MaxProbability()), plain.scores(MaxProbability()))
    with pytest.raises(ValueError, match=r"gates need scores of shape \(2500, 3\), got \(2500, 2\)"):
        Trace(**{**vars(plain), "gate_VK": gate_VK[:, :2]})


def test_a_network_or_a_trace_without_gates_is_refused(small_network: Network) -> None:
    with pytest.raises(ValueError, match="asks the gates of a network, and this one has none; fit them with"):
        infer(small_network, random_clips(2, 8), LearnedGate(0.5))
    with pytest.raises(ValueError, match="the network or the trace has none; fit gates with"):
        random_trace().replay(LearnedGate(0.5))
    with pytest.raises(ValueError, match=r"a score a clip and checkpoint, \(2, 3\); got \(2, 2\)"):
        Evidence(torch.zeros(2, 3, 4), gate_BJ=torch.zeros(2, 2))


def test_a_gate_whose_score_is_no_number_is_never_sure(gated: Network) -> None:
    evidence = Evidence(torch.zeros(2, 1, 4), gate_BJ=torch.tensor([[0.5], [torch.nan]]))
    with pytest.raises(ValueError, match="score that is not a number"):
        LearnedGate(0.2).stops(evidence, 3)


def test_what_fits_is_told_before_anything_runs() -> None:
    LearnedGate().check_fits(3, has_gates=True)
    MaxProbability([0.5, 0.6]).check_fits(3, has_gates=False)
    with pytest.raises(ValueError, match="2 thresholds for 5 checkpoints"):
        LearnedGate([0.5, 0.6]).check_fits(5, has_gates=True)
    with pytest.raises(ValueError, match="asks the gates"):
        LearnedGate().check_fits(3, has_gates=False)
