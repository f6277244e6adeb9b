"""Numbers of videos that may be lost: against sums over all that can happen.

Legend: D numbers of changed videos, C pairs of shares.
"""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import Tensor

from dyninf.policies import changes_allowed, losses_allowed, videos_needed
from dyninf.policies.risk_bounds import probability


def summed_probability(allowed: list[int], lost_share: float, gained_share: float) -> float:
    """Over all numbers of lost and gained videos."""
    V = len(allowed) - 1
    total = 0.0
    for lost in range(V + 1):
        for gained in range(V + 1 - lost):
            if lost <= allowed[lost + gained]:
                ways = math.comb(V, lost) * math.comb(V - lost, gained)
                same = max(0.0, 1 - lost_share - gained_share) ** (V - lost - gained)
                total += ways * lost_share**lost * gained_share**gained * same
    return total


@given(st.integers(1, 25), st.integers(0, 10**6), st.floats(0.001, 1), st.floats(0, 1))
@hypothesis_settings(max_examples=30)
def test_the_probability_is_the_sum_over_all_that_can_happen(
    V: int, seed: int, changed: float, share: float
) -> None:
    steps_D = torch.randint(2, (V + 1,), generator=torch.Generator().manual_seed(seed))
    allowed_D = steps_D.cumsum(0) - 1
    lost, gained = changed * share, changed * (1 - share)
    found_C = probability(
        allowed_D, torch.tensor([lost], dtype=torch.float64), torch.tensor([gained], dtype=torch.float64)
    )
    assert found_C.item() == pytest.approx(summed_probability(allowed_D.tolist(), lost, gained), abs=1e-9)


@pytest.mark.parametrize("V", [3, 20, 60])
@pytest.mark.parametrize("max_drop", [0.01, 0.1, 0.4])
@pytest.mark.parametrize("confidence", [0.8, 0.95])
def test_so_few_are_lost_with_the_stated_probability_at_most_if_the_promise_is_broken(
    V: int, max_drop: float, confidence: float
) -> None:
    allowed = losses_allowed(V, max_drop, confidence).tolist()
    assert len(allowed) == V + 1
    for drop in (max_drop, max_drop + 0.05, 0.7):
        for gained in (0.0, 1e-3, 0.01, 0.05, 0.1, (1 - drop) / 2):
            assert summed_probability(allowed, drop + gained, gained) <= 1 - confidence


@pytest.mark.parametrize(("V", "max_drop", "confidence"), [(300, 0.02, 0.95), (3000, 0.01, 0.8)])
def test_the_bound_gives_little_away(V: int, max_drop: float, confidence: float) -> None:
    allowed_D = losses_allowed(V, max_drop, confidence)
    changed_C = torch.linspace(max_drop, 1, 300, dtype=torch.float64)
    found_C = probability(allowed_D, (changed_C + max_drop) / 2, (changed_C - max_drop) / 2)
    assert 0.75 * (1 - confidence) <= found_C.max().item() <= 1 - confidence


def test_one_more_lost_or_one_less_gained_never_helps() -> None:
    allowed_D = losses_allowed(150, 0.03, 0.9)
    assert set(allowed_D.diff().tolist()) <= {0, 1}


@pytest.mark.parametrize("V", [1, 30, 500])
@pytest.mark.parametrize("limit", [0.01, 0.2])
@pytest.mark.parametrize("confidence", [0.8, 0.99])
def test_changes_are_bounded_as_by_clopper_and_pearson(V: int, limit: float, confidence: float) -> None:
    total, expected = 0.0, -1
    for changed in range(V + 1):
        total += math.comb(V, changed) * limit**changed * (1 - limit) ** (V - changed)
        if total <= 1 - confidence:
            expected = changed
    assert changes_allowed(V, limit, confidence).tolist() == [expected] * (V + 1)


@pytest.mark.parametrize(("limit", "confidence"), [(0.01, 0.95), (0.005, 0.9), (0.5, 0.8)])
def test_with_the_videos_that_are_needed_a_promise_holds_if_none_changes(
    limit: float, confidence: float
) -> None:
    needed = videos_needed(limit, confidence)
    assert changes_allowed(needed, limit, confidence)[0] == 0
    assert losses_allowed(needed, limit, confidence)[0] == 0
    assert needed == 1 or changes_allowed(needed - 1, limit, confidence)[0] == -1
    assert needed == 1 or losses_allowed(needed - 1, limit, confidence)[0] == -1


def both() -> list:
    return [pytest.param(losses_allowed, id="losses"), pytest.param(changes_allowed, id="changes")]


@pytest.mark.parametrize("allowed", both())
def test_what_no_number_of_videos_can_show_is_refused(allowed: object) -> None:
    for limit in (0.0, -0.1, 1.0, math.nan):
        with pytest.raises(ValueError, match=r"needs a limit \(max_drop\) above 0 and below 1, got"):
            allowed(100, limit, 0.95)
    for confidence in (0.5, 1.0, 95, math.nan):
        with pytest.raises(ValueError, match=r"confidence must be above 0\.5 and below 1, such as 0\.95"):
            allowed(100, 0.01, confidence)
    with pytest.raises(ValueError, match="without a video"):
        allowed(0, 0.01, 0.95)


def test_the_numbers_of_a_large_split_are_near_those_of_the_normal_distribution() -> None:
    allowed_D: Tensor = losses_allowed(20_000, 0.01, 0.95)
    changed = 1000  # of which so many more may be lost than gained
    net = 2 * allowed_D[changed].item() - changed
    assert 200 - 2.1 * math.sqrt(changed) <= net <= 200 - 1.64 * math.sqrt(changed)
