"""Thresholds for a budget: against loops that spell out what they do, and against trying all.

Legend: V videos, K checkpoints.
"""

import itertools
import math

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import Tensor

from dyninf.policies import (
    budgeted_batch,
    exit_shares,
    first_stop,
    one_checkpoint,
    one_threshold,
    share_thresholds,
    solve_budget,
)


def drawn(V: int, K: int, seed: int, values: int = 0) -> tuple[Tensor, Tensor, Tensor]:
    """Scores, answers that are more often right where the score is high, and costs; `values`: with ties."""
    draw = torch.Generator().manual_seed(seed)
    scores_VK = torch.rand(V, K, generator=draw, dtype=torch.float64)
    if values:
        scores_VK = (scores_VK * values).floor() / values
    right_VK = torch.rand(V, K, generator=draw) < 0.2 + 0.5 * scores_VK + 0.3 * torch.arange(K) / K
    return scores_VK, right_VK, torch.rand(K, generator=draw, dtype=torch.float64).add(0.1).cumsum(0)


def result(scores_VK: Tensor, right_VK: Tensor, macs_K: Tensor, thresholds_K: Tensor) -> tuple[int, float]:
    """Right videos and mean cost."""
    stop_V = first_stop(scores_VK, thresholds_K)
    right = right_VK[torch.arange(len(stop_V)), stop_V].sum().item()
    return int(right), macs_K[stop_V].mean().item()


def budget_between(macs_K: Tensor, share: float) -> float:
    return (macs_K[0] + share * (macs_K[-1] - macs_K[0])).item()


SPLITS = (st.integers(1, 30), st.integers(1, 5), st.integers(0, 10**6), st.sampled_from([0, 2, 5]))


# Budgeted batch --------------------------------------------------------------------------------------


def sequential_thresholds(scores_VK: Tensor, share_K: Tensor) -> list[float]:
    """The protocol video by video."""
    scores, there = scores_VK.tolist(), set(range(len(scores_VK)))
    thresholds = []
    for k in range(scores_VK.shape[1] - 1):
        wanted = math.floor(len(scores) * share_K[k].item() + 1e-6)
        threshold = math.inf
        for taken, v in enumerate(sorted(there, key=lambda v: -scores[v][k]), start=1):
            if taken <= wanted:
                threshold = scores[v][k]
        thresholds.append(threshold)
        there = {v for v in there if scores[v][k] < threshold}
    return [*thresholds, -math.inf]


@given(*SPLITS, st.data())
def test_thresholds_of_shares_are_those_of_the_sequential_definition(
    V: int, K: int, seed: int, values: int, data: st.DataObject
) -> None:
    scores_VK, _, _ = drawn(V, K, seed, values)
    weights = data.draw(st.lists(st.sampled_from([0, 0, 1, 2, 5]), min_size=K, max_size=K).filter(any))
    share_K = torch.tensor(weights, dtype=torch.float64) / sum(weights)
    assert share_thresholds(scores_VK, share_K).tolist() == sequential_thresholds(scores_VK, share_K)


@given(st.integers(2, 8), st.integers(0, 1000), st.floats(0, 1))
def test_exit_shares_are_powers_that_cost_the_budget(K: int, seed: int, share: float) -> None:
    macs_K = drawn(1, K, seed)[2]
    budget = budget_between(macs_K, share)
    share_K = exit_shares(macs_K, budget)
    assert share_K.sum().item() == pytest.approx(1)
    assert (share_K @ macs_K).item() == pytest.approx(budget, rel=1e-9)
    if 0.01 < share < 0.99:
        ratio_K = share_K[1:] / share_K[:-1]
        assert ratio_K.tolist() == pytest.approx([ratio_K[0].item()] * (K - 1), rel=1e-6)


@given(*SPLITS, st.floats(0, 1))
@hypothesis_settings(max_examples=30)
def test_budgeted_batch_keeps_the_budget_and_is_the_protocol_where_rounding_lets_it(
    V: int, K: int, seed: int, values: int, share: float
) -> None:
    scores_VK, right_VK, macs_K = drawn(V, K, seed, values)
    budget = budget_between(macs_K, share)
    thresholds_K = budgeted_batch(scores_VK, macs_K, budget)
    assert result(scores_VK, right_VK, macs_K, thresholds_K)[1] <= budget * (1 + 1e-9)
    plain = sequential_thresholds(scores_VK, exit_shares(macs_K, budget))
    if (
        budget < macs_K[-1]
        and result(scores_VK, right_VK, macs_K, torch.tensor(plain, dtype=torch.float64))[1] <= budget
    ):
        assert thresholds_K.tolist() == plain


def test_a_share_of_no_whole_video_means_that_nobody_leaves() -> None:
    scores_VK = torch.tensor([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3]], dtype=torch.float64)
    assert share_thresholds(scores_VK, torch.tensor([0.33, 0.67])).tolist() == [torch.inf, -torch.inf]
    assert share_thresholds(scores_VK, torch.tensor([0.34, 0.66])).tolist() == [0.9, -torch.inf]


# The direct solver -----------------------------------------------------------------------------------


@given(*SPLITS, st.floats(0, 1), st.sampled_from([1, 3]))
@hypothesis_settings(max_examples=30)
def test_the_direct_solver_keeps_the_budget_and_is_never_worse_than_the_simple_ones(
    V: int, K: int, seed: int, values: int, share: float, grain: int
) -> None:
    scores_VK, right_VK, macs_K = drawn(V, K, seed, values)
    budget = budget_between(macs_K, share)
    found, cost = result(
        scores_VK, right_VK, macs_K, solve_budget(scores_VK, right_VK, macs_K, budget, grain)
    )
    assert cost <= budget * (1 + 1e-9)
    if budget < macs_K[-1]:
        for simple_K in (
            budgeted_batch(scores_VK, macs_K, budget),
            one_threshold(scores_VK, macs_K, budget),
            one_checkpoint(right_VK, macs_K, budget),
        ):
            assert found >= result(scores_VK, right_VK, macs_K, simple_K)[0]


def best_by_trying_all(scores_VK: Tensor, right_VK: Tensor, macs_K: Tensor, budget: float) -> int:
    choices = [[*scores_VK[:, k].unique().tolist(), torch.inf] for k in range(scores_VK.shape[1] - 1)]
    found = []
    for thresholds in itertools.product(*choices):
        right, cost = result(
            scores_VK, right_VK, macs_K, torch.tensor([*thresholds, -torch.inf], dtype=torch.float64)
        )
        if cost <= budget * (1 + 1e-9):
            found.append(right)
    return max(found)


@given(st.integers(1, 12), st.integers(0, 10**6), st.sampled_from([0, 3]), st.floats(0, 0.99))
@hypothesis_settings(max_examples=20)
def test_with_two_checkpoints_the_direct_solver_finds_the_optimum(
    V: int, seed: int, values: int, share: float
) -> None:
    scores_VK, right_VK, macs_K = drawn(V, 2, seed, values)
    budget = budget_between(macs_K, share)
    thresholds_K = solve_budget(scores_VK, right_VK, macs_K, budget)
    right, _ = result(scores_VK, right_VK, macs_K, thresholds_K)
    assert right == best_by_trying_all(scores_VK, right_VK, macs_K, budget)


def test_with_three_checkpoints_the_direct_solver_is_near_the_optimum() -> None:
    lost = []
    for seed in range(12):
        scores_VK, right_VK, macs_K = drawn(8, 3, seed)
        budget = budget_between(macs_K, 0.2 + 0.6 * seed / 12)
        thresholds_K = solve_budget(scores_VK, right_VK, macs_K, budget)
        right, _ = result(scores_VK, right_VK, macs_K, thresholds_K)
        lost.append(best_by_trying_all(scores_VK, right_VK, macs_K, budget) - right)
    assert min(lost) >= 0
    assert max(lost) <= 1  # of 8 videos
    assert sum(lost) / len(lost) <= 0.3


def test_a_coarse_grain_fits_less_to_answers_that_are_chance() -> None:
    gaps = {1: 0.0, 25: 0.0}
    for seed in range(4):
        scores_VK, right_VK, macs_K = drawn(300, 4, seed)
        right_VK = right_VK[torch.randperm(300, generator=torch.Generator().manual_seed(seed))]
        _, unseen_VK, _ = drawn(300, 4, seed + 100)
        budget = budget_between(macs_K, 0.5)
        for grain in gaps:
            thresholds_K = solve_budget(scores_VK, right_VK, macs_K, budget, grain)
            seen = result(scores_VK, right_VK, macs_K, thresholds_K)[0]
            gaps[grain] += (seen - result(scores_VK, unseen_VK, macs_K, thresholds_K)[0]) / 4
    assert gaps[25] < gaps[1]


def test_chosen_thresholds_lie_between_scores_and_equal_scores_leave_together() -> None:
    scores_VK = torch.tensor([[0.8, 0], [0.8, 0], [0.4, 0], [0.2, 0]], dtype=torch.float64)
    right_VK = torch.tensor([[True, True], [True, True], [True, False], [False, True]])
    macs_K = torch.tensor([1.0, 2.0])
    # One threshold for all would be the largest that is affordable, 0.8.
    assert solve_budget(scores_VK, right_VK, macs_K, 1.5).tolist() == pytest.approx([0.3, -torch.inf])
    right_VK[2] = torch.tensor([False, True])
    # A budget for one of the two that are alike is one for both, and not for none.
    found_K = solve_budget(scores_VK, right_VK, macs_K, 1.75)
    assert first_stop(scores_VK, found_K).tolist() == [0, 0, 1, 1]


# What both do at the edges ---------------------------------------------------------------------------


def solvers() -> list:
    return [
        pytest.param(lambda s, r, m, b: budgeted_batch(s, m, b), id="budgeted_batch"),
        pytest.param(lambda s, r, m, b: one_threshold(s, m, b), id="one_threshold"),
        pytest.param(solve_budget, id="direct"),
    ]


@pytest.mark.parametrize("solve", solvers())
def test_a_budget_of_full_inference_or_more_gives_full_inference(solve: object) -> None:
    scores_VK, right_VK, macs_K = drawn(20, 4, 1)
    for budget in (macs_K[-1].item(), 1e9, math.inf):
        assert first_stop(scores_VK, solve(scores_VK, right_VK, macs_K, budget)).tolist() == [3] * 20


@pytest.mark.parametrize("solve", solvers())
def test_a_budget_of_the_first_checkpoint_sends_all_there(solve: object) -> None:
    scores_VK, right_VK, macs_K = drawn(20, 4, 1)
    found_K = solve(scores_VK, right_VK, macs_K, macs_K[0].item())
    assert first_stop(scores_VK, found_K).tolist() == [0] * 20


@pytest.mark.parametrize("solve", solvers())
@pytest.mark.parametrize("budget", [0.0, -1.0, math.nan])
def test_a_budget_below_the_first_checkpoint_is_refused(solve: object, budget: float) -> None:
    with pytest.raises(ValueError, match="below the cost of the first checkpoint; it must be at least"):
        solve(*drawn(20, 4, 1), budget)


@pytest.mark.parametrize("solve", solvers())
def test_one_checkpoint_accepts_all(solve: object) -> None:
    scores_VK, right_VK, macs_K = drawn(5, 1, 1)
    assert solve(scores_VK, right_VK, macs_K, macs_K[0].item()).tolist() == [-torch.inf]


@pytest.mark.parametrize("solve", solvers())
def test_what_is_no_score_or_cost_is_refused(solve: object) -> None:
    scores_VK, right_VK, macs_K = drawn(5, 3, 1)
    for value in (math.nan, math.inf):
        broken_VK = scores_VK.clone()
        broken_VK[2, 1] = value
        with pytest.raises(ValueError, match="scores that are not finite numbers"):
            solve(broken_VK, right_VK, macs_K, 1.0)
    for broken_K in (macs_K.flip(0), macs_K[:2], macs_K * math.nan):
        with pytest.raises(ValueError, match="3 checkpoints need as many costs"):
            solve(scores_VK, right_VK, broken_K, 1.0)
    with pytest.raises(ValueError, match="without a video"):
        solve(scores_VK[:0], right_VK[:0], macs_K, 1.0)


def test_answers_and_grains_that_do_not_fit_are_refused() -> None:
    scores_VK, right_VK, macs_K = drawn(5, 3, 1)
    with pytest.raises(ValueError, match="need as many answers"):
        solve_budget(scores_VK, right_VK[:, :2], macs_K, 1.0)
    with pytest.raises(ValueError, match="a grain is 1 video at least, got 0"):
        solve_budget(scores_VK, right_VK, macs_K, 1.0, grain=0)
