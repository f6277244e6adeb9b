"""Intervals by resampling, against slow and obvious references.

Legend: R resamples, V videos, S seeds, X columns.
"""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from dyninf.trace import Resampling, bootstrap, compare, sign_test


def drawn(seed: int, stream: int, among: int, resamples: int) -> np.ndarray:
    """What is drawn in each resample, from one call."""
    return np.random.default_rng([seed, stream]).integers(among, size=(resamples, among))


@given(videos=st.integers(1, 30), resamples=st.integers(1, 20), seed=st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_the_means_are_those_of_the_drawn_videos_one_by_one(videos: int, resamples: int, seed: int) -> None:
    value_VX = torch.rand(videos, 3, dtype=torch.float64)
    found_RX = Resampling(resamples, seed).means(value_VX)
    expected = [
        [sum(value_VX[v, x].item() for v in row) / videos for x in range(3)]
        for row in drawn(seed, 0, videos, resamples)
    ]
    torch.testing.assert_close(found_RX, torch.tensor(expected, dtype=torch.float64))


@given(seeds=st.integers(1, 4), resamples=st.integers(1, 10), seed=st.integers(0, 5))
@settings(max_examples=30, deadline=None)
def test_over_seeds_each_resample_averages_the_runs_that_it_drew(
    seeds: int, resamples: int, seed: int
) -> None:
    value_SRX = torch.rand(seeds, resamples, 2, dtype=torch.float64)
    found_RX = Resampling(resamples, seed).over_seeds(value_SRX)
    for r, row in enumerate(drawn(seed, 1, seeds, resamples)):
        expected_X = torch.stack([value_SRX[s, r] for s in row]).mean(0)
        torch.testing.assert_close(found_RX[r], expected_X)


def test_drawing_in_several_chunks_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    value_VX = torch.rand(50, 2)
    at_once_RX = Resampling(30).means(value_VX)
    monkeypatch.setattr(bootstrap, "_DRAWN_AT_ONCE", 7 * 50)
    torch.testing.assert_close(Resampling(30).means(value_VX), at_once_RX)


def test_the_same_videos_get_the_same_resamples_so_that_differences_are_paired() -> None:
    a_V, b_V = torch.rand(2, 100, dtype=torch.float64)
    apart_R = Resampling().means(a_V[:, None]) - Resampling().means(b_V[:, None])
    torch.testing.assert_close(apart_R, Resampling().means((a_V - b_V)[:, None]))


def test_equal_runs_leave_only_the_spread_of_the_videos() -> None:
    mean_RX = Resampling(200).means(torch.rand(40, 2))
    torch.testing.assert_close(Resampling(200).over_seeds(mean_RX.expand(3, -1, -1)), mean_RX)


def test_the_interval_of_a_share_is_about_two_standard_errors_wide() -> None:
    right_V = torch.arange(2000) % 4 == 0
    interval = Resampling(4000).mean(right_V)
    error = math.sqrt(0.25 * 0.75 / 2000)
    assert interval.value == 0.25
    assert interval.low == pytest.approx(0.25 - 1.96 * error, abs=0.1 * error)
    assert interval.high == pytest.approx(0.25 + 1.96 * error, abs=0.1 * error)


def test_about_ninety_of_a_hundred_intervals_of_that_level_hold_the_truth() -> None:
    draw = torch.Generator().manual_seed(0)
    held = 0
    for _ in range(300):
        interval = Resampling(200, level=0.9).mean(torch.rand(100, generator=draw) < 0.6)
        held += interval.low <= 0.6 <= interval.high
    assert 0.85 <= held / 300 <= 0.95


def test_bounds_leave_out_what_is_not_a_number() -> None:
    value_RX = torch.tensor([[1.0], [torch.nan], [3.0], [2.0]], dtype=torch.float64)
    low_X, high_X = Resampling(level=0.5).bounds(value_RX)
    assert (low_X.item(), high_X.item()) == (1.5, 2.5)


@given(gained=st.integers(0, 40), lost=st.integers(0, 40))
def test_the_sign_test_counts_the_splits_that_are_at_least_as_uneven(gained: int, lost: int) -> None:
    both = gained + lost
    uneven = sum(math.comb(both, i) for i in range(both + 1) if abs(2 * i - both) >= abs(gained - lost))
    assert sign_test(gained, lost) == pytest.approx(uneven / 2**both)


def test_the_sign_test_of_many_videos_has_a_number() -> None:
    assert sign_test(10_000, 10_000) == 1.0
    assert 0 < sign_test(5100, 4900) < 0.05


def test_a_comparison_counts_what_only_one_of_two_gets_right() -> None:
    right_V = torch.tensor([True, True, False, False, True])
    other_V = torch.tensor([True, False, True, False, False])
    found = compare(right_V, other_V)
    assert found.top1.value == pytest.approx(0.2)
    assert (found.gained, found.lost) == (2, 1)
    assert found.figures().keys() == {"top1", "top1_low", "top1_high", "gained", "lost", "p_value"}
    same = compare(right_V, right_V)
    assert (same.top1.low, same.top1.high, same.p_value) == (0, 0, 1)


def test_what_cannot_be_resampled_is_refused() -> None:
    for arguments, said in (
        ({"resamples": 0}, "resamples must be 1 or more, got 0"),
        ({"level": 1.0}, "level must lie between 0 and 1, got 1.0"),
    ):
        with pytest.raises(ValueError, match=said):
            Resampling(**arguments)
    with pytest.raises(ValueError, match="no video to resample"):
        Resampling().means(torch.empty(0, 2))
    with pytest.raises(ValueError, match="3 videos cannot be paired with 4"):
        compare(torch.ones(3, dtype=torch.bool), torch.ones(4, dtype=torch.bool))
