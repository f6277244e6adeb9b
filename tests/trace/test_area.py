"""The area under accuracy against cost.

Legend: P operating points, X curves.
"""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.trace.traces import random_trace

from dyninf.policies import MaxProbability
from dyninf.trace import Resampling, anytime_area, area, default_thresholds, sweep, with_band
from dyninf.trace.band import resampled_curve


def mean_over_budgets(top1: list[float], cost: list[float], least: float, most: float) -> float:
    """The mean of the curve's height over many budgets, each found between its two neighbours."""
    points = sorted(zip(cost, top1, strict=True), key=lambda point: point[0])
    heights = []
    for i in range(2_000):
        budget = least + (most - least) * (i + 0.5) / 2_000
        below = [point for point in points if point[0] <= budget]
        above = [point for point in points if point[0] > budget]
        if not below or not above:
            heights.append(above[0][1] if above else below[-1][1])
            continue
        (c0, t0), (c1, t1) = below[-1], above[0]
        heights.append(t0 + (t1 - t0) * (budget - c0) / (c1 - c0))
    return sum(heights) / len(heights)


@given(
    points=st.lists(st.tuples(st.integers(10, 50), st.integers(0, 20)), min_size=1, max_size=6),
)
@settings(max_examples=15, deadline=None)
def test_the_area_is_the_mean_accuracy_over_budgets(points: list[tuple[int, int]]) -> None:
    cost, top1 = [float(c) for c, _ in points], [t / 20 for _, t in points]
    found = area(torch.tensor(top1, dtype=torch.float64), torch.tensor(cost), 10.0, 50.0).item()
    assert found == pytest.approx(mean_over_budgets(top1, cost, 10.0, 50.0), abs=3e-3)
    assert min(top1) - 1e-9 <= found <= max(top1) + 1e-9


def test_a_straight_line_has_half_its_rise_below_it() -> None:
    line = area(torch.tensor([0.2, 0.8]), torch.tensor([3.0, 7.0]), 3.0, 7.0)
    assert line.item() == pytest.approx(0.5)


def test_where_there_is_one_budget_the_area_is_its_accuracy() -> None:
    trace = random_trace(checkpoints=1)
    curve = sweep(trace, MaxProbability(), default_thresholds(trace, MaxProbability(), 10))
    _, found = with_band(curve, trace, MaxProbability())
    assert found.value == trace.full().top1
    assert found.low < found.value < found.high
    assert anytime_area(trace).value == pytest.approx(trace.full().top1)


def test_the_band_is_that_of_each_threshold_resampled_by_itself() -> None:
    trace, policy = random_trace(80), MaxProbability()
    curve = sweep(trace, policy, default_thresholds(trace, policy, 12))
    banded, found = with_band(curve, trace, policy, Resampling(300))
    assert banded.header()[4:6] == ["top1_low", "top1_high"]
    for p, threshold in enumerate(curve.threshold_P.tolist()):
        outcome = trace.replay(MaxProbability(threshold))
        alone = Resampling(300).mean(outcome.predicted_V == trace.label_V)
        assert alone.value == pytest.approx(curve.top1_P[p].item())
        assert [row[4:6] for row in banded.rows()][p] == pytest.approx([alone.low, alone.high])
    assert found.low < found.value < found.high


def test_the_interval_of_the_area_is_that_of_the_areas_of_resampled_traces() -> None:
    trace, policy = random_trace(60), MaxProbability()
    curve = sweep(trace, policy, default_thresholds(trace, policy, 8))
    resampling = Resampling(25, seed=2)
    top1_RP, macs_RP = resampled_curve(trace, policy, curve.threshold_P, resampling)
    ends = trace.macs_K[0].item(), trace.macs_K[-1].item()
    drawn_RV = torch.from_numpy(np.random.default_rng([2, 0]).integers(60, size=(25, 60)))
    for r, drawn_V in enumerate(drawn_RV):
        again = type(trace)(
            trace.logits_VKN[drawn_V],
            trace.label_V[drawn_V],
            tuple(map(str, range(60))),
            trace.macs_K,
            trace.info,
        )
        own = sweep(again, policy, curve.threshold_P)
        assert area(top1_RP[r], macs_RP[r], *ends).item() == pytest.approx(
            area(own.top1_P, own.macs_P, *ends).item()
        )
