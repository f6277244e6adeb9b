"""Anytime and budgeted evaluation, and classes, against slow and obvious references.

Legend: V videos, K checkpoints.
"""

from dataclasses import replace

import pytest
import torch
from tests.policies.criteria import CRITERIA
from tests.trace.traces import random_trace

from dyninf.policies import MaxProbability
from dyninf.trace import (
    Promise,
    Resampling,
    Trace,
    anytime,
    anytime_area,
    area,
    budgeted,
    by_class,
    calibrate,
    hard_classes,
)


@pytest.fixture
def splits() -> tuple[Trace, Trace]:
    """A calibration and a test trace of one network."""
    return random_trace(120, seed=1, gates=True), random_trace(90, seed=2, gates=True)


def test_anytime_stops_every_video_at_each_checkpoint_in_turn(splits: tuple[Trace, Trace]) -> None:
    _, trace = splits
    rows = anytime(trace)
    assert [row["name"] for row in rows] == list(trace.info.checkpoints)
    for k, row in enumerate(rows):
        outcome = trace.stop_at(torch.full_like(trace.label_V, k))
        alone = Resampling().mean(outcome.predicted_V == trace.label_V)
        assert row["top1"] == pytest.approx(outcome.top1)
        assert (row["top1_low"], row["top1_high"]) == pytest.approx((alone.low, alone.high))
        assert row["gmacs"] == pytest.approx(outcome.mean_macs / 1e9)
    top1_K = torch.tensor([row["top1"] for row in rows])
    ends = trace.macs_K[0].item(), trace.macs_K[-1].item()
    assert anytime_area(trace).value == pytest.approx(area(top1_K, trace.macs_K, *ends).item(), abs=1e-6)


@pytest.mark.parametrize("solver", ["single", "budgeted_batch", "direct"])
@pytest.mark.parametrize("criterion", CRITERIA)
def test_each_budget_has_the_thresholds_that_calibration_gives_for_it(
    criterion: str, solver: str, splits: tuple[Trace, Trace]
) -> None:
    calibration, trace = splits
    policy = CRITERIA[criterion]
    rows = budgeted(calibration, trace, policy, Promise(max_drop=0.1, solver=solver), (25, 60, 100))
    assert [row["percent_of_full"] for row in rows] == [25, 60, 100]
    for row in rows:
        promise = Promise(budget=f"{row['percent_of_full']}%", solver=solver)
        chosen = calibrate(calibration, policy, promise)
        outcome = trace.replay(chosen)
        assert row["threshold"] == chosen.threshold
        assert row["top1"] == pytest.approx(outcome.top1)
        assert row["change"] == pytest.approx(outcome.top1 - trace.full().top1)
        assert row["gmacs"] == pytest.approx(outcome.mean_macs / 1e9)
        assert row["top1_low"] <= row["top1"] <= row["top1_high"]


def test_budgets_below_the_first_checkpoint_are_left_out(splits: tuple[Trace, Trace]) -> None:
    rows = budgeted(*splits, MaxProbability())  # the first of four checkpoints costs a quarter
    assert [row["percent_of_full"] for row in rows] == [30, 40, 50, 60, 70, 80, 90, 100]


def test_the_figures_of_a_class_are_those_of_its_videos() -> None:
    drawn = random_trace(200)
    trace = replace(drawn, label_V=torch.where(drawn.label_V == 3, 4, drawn.label_V))
    outcome = trace.replay(MaxProbability(0.6))
    classes = by_class(trace, outcome)
    assert [one.name for one in classes] == [f"class {n}" for n in (0, 1, 2, 4, 5, 6)]
    assert sum(one.videos for one in classes) == 200
    for one in classes:
        own_V = trace.label_V == int(one.name.split()[1])
        right_V, full_V = outcome.predicted_V == trace.label_V, trace.right_VK[:, -1]
        assert one.videos == own_V.sum()
        assert one.top1 == pytest.approx(right_V[own_V].double().mean().item())
        assert one.full_top1 == pytest.approx(full_V[own_V].double().mean().item())
        assert one.change.value == pytest.approx(one.top1 - one.full_top1)
        gmacs_v = trace.macs_K[outcome.checkpoint_V][own_V] / 1e9
        assert one.gmacs.value == pytest.approx(gmacs_v.mean().item())
        assert one.gmacs.low < one.gmacs.value < one.gmacs.high
        assert one.row()["class"] == one.name
    mean = sum(one.videos * one.gmacs.value for one in classes) / 200
    assert mean == pytest.approx(outcome.mean_macs / 1e9)


def test_a_class_with_one_video_has_figures_though_many_resamples_lack_it() -> None:
    drawn = random_trace(30, classes=3)
    label_V = torch.zeros_like(drawn.label_V)
    label_V[7] = 2
    trace = replace(drawn, label_V=label_V)
    lone = by_class(trace, trace.full())[1]
    assert (lone.name, lone.videos) == ("class 2", 1)
    assert lone.gmacs.low == pytest.approx(lone.gmacs.high)


def test_hard_classes_are_those_that_cost_and_those_that_lose_most() -> None:
    trace = random_trace(300)
    classes = by_class(trace, trace.replay(MaxProbability(0.5)))
    hard = hard_classes(classes, most=2)
    cost, change = ({one.name: getattr(one, key).value for one in classes} for key in ("gmacs", "change"))
    assert hard["cost_most"] == sorted(cost, key=lambda name: -cost[name])[:2]
    losers = [name for name in sorted(change, key=lambda name: change[name]) if change[name] < 0]
    assert hard["lose_most"] == losers[:2]
    assert hard_classes(by_class(trace, trace.full()))["lose_most"] == []
