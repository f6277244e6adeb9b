"""The cheapest operating point that keeps its promise.

Legend: P operating points.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dyninf.policies import cheapest_within

VIDEOS = 20


@given(
    st.lists(st.tuples(st.integers(0, VIDEOS), st.integers(1, 5)), min_size=1, max_size=12),
    st.integers(0, VIDEOS),
    st.integers(0, 6),
)
def test_it_is_what_looking_at_every_point_finds(points: list, full: int, drop: int) -> None:
    good = [(macs, -right) for right, macs in points if right >= full - drop]
    top1_P = torch.tensor([right for right, _ in points], dtype=torch.float64) / VIDEOS
    macs_P = torch.tensor([macs for _, macs in points], dtype=torch.float64)
    if good:
        found = cheapest_within(top1_P, macs_P, full / VIDEOS, drop / VIDEOS)
        assert (points[found][1], -points[found][0]) == min(good)
    else:
        with pytest.raises(ValueError, match="no operating point is within"):
            cheapest_within(top1_P, macs_P, full / VIDEOS, drop / VIDEOS)


def test_rounding_does_not_break_a_promise_that_is_just_kept() -> None:
    assert 0.8 - 0.1 > 0.7
    top1_P = torch.tensor([0.7, 0.8], dtype=torch.float64)
    assert cheapest_within(top1_P, torch.tensor([1.0, 2.0]), full_top1=0.8, max_drop=0.1) == 0


def test_among_equally_cheap_points_the_more_accurate_wins() -> None:
    assert cheapest_within(torch.tensor([0.7, 0.8, 0.9]), torch.tensor([1.0, 1.0, 2.0]), 0.7, 0.1) == 1


def test_the_error_says_what_the_best_point_has() -> None:
    with pytest.raises(
        ValueError, match=r"within 0\.005 of full inference \(0\.900\); the best one has 0\.800"
    ):
        cheapest_within(torch.tensor([0.5, 0.8]), torch.tensor([1.0, 2.0]), 0.9, 0.005)
