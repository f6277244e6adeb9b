"""Accuracy against cost over many thresholds.

Legend: P operating points, V videos, K checkpoints.
"""

import csv
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.policies.criteria import CRITERIA
from tests.trace.traces import random_trace
from torch import Tensor

from dyninf.policies import MaxProbability, Policy
from dyninf.trace import Curve, Promise, Trace, calibrate, default_thresholds, sweep


def assert_is_its_replays(curve: Curve, trace: Trace, policy: Policy, thresholds_P: Tensor) -> None:
    """The definition of a sweep: each threshold replayed on its own."""
    assert curve.checkpoints == trace.info.checkpoints
    assert len(curve.macs_P) == len(thresholds_P)
    for p, threshold in enumerate(thresholds_P.tolist()):
        outcome = trace.replay(policy.with_threshold(threshold))
        assert curve.threshold_P[p] == threshold
        assert curve.top1_P[p] == outcome.top1
        assert curve.top5_P[p] == outcome.top5
        assert torch.equal(curve.exit_share_PK[p], outcome.exit_share_K)
        # Their costs are summed in another order.
        assert curve.macs_P[p].item() == pytest.approx(outcome.mean_macs, rel=1e-13)


@pytest.mark.parametrize("policy", CRITERIA.values(), ids=CRITERIA)
def test_a_sweep_is_its_replays_one_by_one(policy: Policy) -> None:
    trace = random_trace(200, gates=True)
    thresholds_P = torch.tensor([0.9, 0.0, 0.3, 0.5, 0.5, 1.0, 2.0, -torch.inf, torch.inf]).double()
    assert_is_its_replays(sweep(trace, policy, thresholds_P), trace, policy, thresholds_P)


@given(
    policy=st.sampled_from([*CRITERIA.values()]),
    videos=st.integers(1, 30),
    checkpoints=st.integers(1, 5),
    classes=st.integers(1, 7),
    grid=st.sampled_from([0.5, 1.0, 1e-3]),
    seed=st.integers(0, 1000),
    data=st.data(),
)
def test_a_sweep_is_its_replays_with_ties_and_thresholds_in_any_order(
    policy: Policy,
    videos: int,
    checkpoints: int,
    classes: int,
    grid: float,
    seed: int,
    data: st.DataObject,
) -> None:
    trace = random_trace(videos, checkpoints, classes, seed, gates=True)
    trace.logits_VKN.copy_((trace.logits_VKN / grid).round() * grid)  # many equal scores
    scores = trace.scores(policy).flatten().tolist()
    some = st.sampled_from(scores) | st.floats(-1, 2)  # equal to a score: its video leaves
    thresholds_P = torch.tensor(data.draw(st.lists(some, min_size=1, max_size=20)), dtype=torch.float64)
    assert_is_its_replays(sweep(trace, policy, thresholds_P), trace, policy, thresholds_P)


def test_a_number_of_thresholds_stands_for_those_that_are_the_default() -> None:
    trace = random_trace(60)
    curve = sweep(trace, MaxProbability(), 30)
    assert torch.equal(curve.threshold_P, default_thresholds(trace, MaxProbability(), 30))
    assert_is_its_replays(curve, trace, MaxProbability(), curve.threshold_P)


def test_a_threshold_that_is_not_a_number_is_refused() -> None:
    with pytest.raises(ValueError, match="threshold is not a number"):
        sweep(random_trace(), MaxProbability(), torch.tensor([0.5, torch.nan]))


@pytest.mark.parametrize("points", [2, 3, 10, 1000])
def test_default_thresholds_go_from_all_leave_first_to_nobody_leaves(points: int) -> None:
    trace = random_trace(60)
    thresholds_P = default_thresholds(trace, MaxProbability(), points)
    assert len(thresholds_P) == points
    assert torch.equal(thresholds_P, thresholds_P.sort().values)
    curve = sweep(trace, MaxProbability(), thresholds_P)
    assert curve.exit_share_PK[0].tolist() == [1, 0, 0, 0]
    assert curve.exit_share_PK[-1].tolist() == [0, 0, 0, 1]
    assert (curve.macs_P.diff() >= 0).all()
    assert (curve.macs_P[0], curve.macs_P[-1]) == (trace.macs_K[0], trace.macs_K[-1])


def test_enough_default_thresholds_reach_every_operating_point() -> None:
    trace = random_trace(15)
    scores_VK = trace.scores(MaxProbability())[:, :-1]
    all_P = torch.cat([scores_VK.flatten(), torch.tensor([2.0])])
    every = set(sweep(trace, MaxProbability(), all_P).macs_P.tolist())
    found = sweep(trace, MaxProbability(), default_thresholds(trace, MaxProbability(), scores_VK.numel() + 1))
    assert set(found.macs_P.tolist()) == every


def test_scores_of_exactly_one_still_have_a_threshold_above_them() -> None:
    trace = random_trace(20)
    trace.logits_VKN[:, 0, 0] = 1000
    curve = sweep(trace, MaxProbability(), default_thresholds(trace, MaxProbability(), 5))
    assert curve.exit_share_PK[-1].tolist() == [0, 0, 0, 1]
    assert curve.exit_share_PK[-2, 0] == 1


def test_a_network_with_one_checkpoint_has_one_operating_point() -> None:
    trace = random_trace(20, checkpoints=1)
    curve = sweep(trace, MaxProbability(), default_thresholds(trace, MaxProbability(), 10))
    assert curve.macs_P.tolist() == [trace.macs_K[-1].item()]
    assert curve.top1_P.tolist() == [trace.full().top1]


def test_a_curve_on_disk_is_a_table_with_names(tmp_path: Path) -> None:
    trace = random_trace(50)
    curve = sweep(trace, MaxProbability(), torch.tensor([0.0, 0.5, 2.0], dtype=torch.float64))
    curve.save(tmp_path / "sweep" / "curve.csv")
    with open(tmp_path / "sweep" / "curve.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "threshold",
        "top1",
        "top5",
        "gmacs",
        *(f"share_{k}f-res5" for k in (1, 2, 3, 4)),
    ]
    assert [float(row["threshold"]) for row in rows] == [0, 0.5, 2]
    assert [float(row["gmacs"]) for row in rows] == pytest.approx((curve.macs_P / 1e9).tolist(), rel=1e-5)
    assert [float(row["share_4f-res5"]) for row in rows] == pytest.approx(
        curve.exit_share_PK[:, 3].tolist(), rel=1e-5
    )
    assert [path.name for path in (tmp_path / "sweep").iterdir()] == ["curve.csv"]


@pytest.mark.parametrize("max_drop", [0.0, 0.02, 0.1, 1.0])
def test_calibration_finds_the_cheapest_threshold_that_keeps_the_promise(max_drop: float) -> None:
    trace = random_trace(150)
    policy = calibrate(trace, MaxProbability(), Promise(max_drop))
    assert isinstance(policy, MaxProbability)
    chosen, full = trace.replay(policy), trace.full()
    assert chosen.top1 >= full.top1 - max_drop - 1e-9
    # All scores that occur, and one that does not: no scalar threshold can do anything else.
    for threshold in [*trace.scores(policy)[:, :-1].flatten().tolist(), 2.0]:
        other = trace.replay(MaxProbability(threshold))
        assert other.top1 < full.top1 - max_drop or other.mean_macs >= chosen.mean_macs


def test_a_promise_of_anything_lets_all_videos_leave_first() -> None:
    trace = random_trace(50)
    assert trace.replay(calibrate(trace, MaxProbability(), Promise(1.0))).exit_share_K.tolist() == [
        1,
        0,
        0,
        0,
    ]
