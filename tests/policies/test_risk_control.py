"""Certified thresholds: against loops that try every threshold in turn.

Legend: V videos, K checkpoints.
"""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from torch import Tensor

from dyninf.policies import Descent, controlled_threshold, first_stop, holds, losses

RISKS = pytest.mark.parametrize("risk", ["accuracy", "disagreement"])


def drawn(V: int, K: int, seed: int, values: int = 0, wrong: float = 0.3) -> tuple[Tensor, Tensor, Tensor]:
    """Scores, classes and labels; answers are more often wrong where scores are low. `values`: with ties."""
    draw = torch.Generator().manual_seed(seed)
    scores_VK = torch.rand(V, K, generator=draw, dtype=torch.float64)
    if values:
        scores_VK = (scores_VK * values).floor() / values
    class_VK = (torch.rand(V, K, generator=draw) < wrong * (1 - scores_VK)).long()
    return scores_VK, class_VK, (torch.rand(V, generator=draw) < 0.1).long()


def with_one(scores_VK: Tensor, threshold: float) -> Tensor:
    thresholds_K = torch.full((scores_VK.shape[1],), threshold, dtype=torch.float64)
    thresholds_K[-1] = -torch.inf
    return first_stop(scores_VK, thresholds_K)


SPLITS = (st.integers(1, 40), st.integers(1, 5), st.integers(0, 10**6), st.sampled_from([0, 1, 3]))


@RISKS
def test_losses_compare_each_checkpoint_with_full_inference(risk: str) -> None:
    class_VK = torch.tensor([[0, 1], [1, 0], [1, 1], [2, 0], [2, 2]])
    label_V = torch.tensor([0, 0, 1, 1, 0])
    expected = {"accuracy": [-1, 1, 0, 0, 0], "disagreement": [1, 1, 0, 1, 0]}[risk]
    assert losses(class_VK, label_V, risk).T.tolist() == [expected, [0] * 5]


@given(*SPLITS)
def test_letting_a_threshold_down_has_the_effect_of_replaying_each(
    V: int, K: int, seed: int, values: int
) -> None:
    scores_VK, class_VK, label_V = drawn(V, K, seed, values)
    loss_VK, macs_K = losses(class_VK, label_V, "accuracy"), torch.arange(1.0, K + 1)
    descent = Descent.of(scores_VK, loss_VK, macs_K)
    occurring = scores_VK[:, :-1].cummax(1).values.unique().tolist()
    assert descent.threshold_P.tolist() == [math.inf, *sorted(occurring, reverse=True)]
    for place, threshold in enumerate(descent.threshold_P.tolist()):
        for same in (threshold, descent.between(place)):
            stop_V = with_one(scores_VK, same)
            loss_V = loss_VK[torch.arange(V), stop_V]
            assert descent.lost_P[place] == (loss_V == 1).sum()
            assert descent.gained_P[place] == (loss_V == -1).sum()
            assert descent.cost_P[place].item() == pytest.approx(macs_K[stop_V].double().mean().item())


@RISKS
@given(st.integers(1, 80), st.integers(1, 4), st.integers(0, 10**6), st.sampled_from([0, 1, 3]))
@hypothesis_settings(max_examples=25)
def test_the_threshold_is_the_last_before_the_first_that_fails(
    risk: str, V: int, K: int, seed: int, values: int
) -> None:
    scores_VK, class_VK, label_V = drawn(V, K, seed, values)
    loss_VK = losses(class_VK, label_V, risk)
    expected_V = torch.full((V,), K - 1)
    for threshold in sorted(scores_VK[:, :-1].flatten().tolist(), reverse=True):
        stop_V = with_one(scores_VK, threshold)
        loss_V = loss_VK[torch.arange(V), stop_V]
        lost, gained = (loss_V == 1).sum()[None], (loss_V == -1).sum()[None]
        if not holds(lost, gained, V, 0.2, 0.8, risk).item():
            break
        expected_V = stop_V
    found = controlled_threshold(scores_VK, loss_VK, torch.arange(1.0, K + 1), 0.2, 0.8, risk)
    assert with_one(scores_VK, found).tolist() == expected_V.tolist()


def test_a_threshold_behind_one_that_fails_is_not_tried() -> None:
    # Those with high scores are lost; all others would be gained, which would make up for it.
    scores_VK = torch.tensor([[0.9, 0.0]] * 30 + [[0.1, 0.0]] * 70, dtype=torch.float64)
    loss_VK = torch.tensor([[1, 0]] * 30 + [[-1, 0]] * 70)
    assert holds(torch.tensor([30]), torch.tensor([70]), 100, 0.1, 0.9, "accuracy").all()
    assert controlled_threshold(scores_VK, loss_VK, torch.tensor([1.0, 2.0]), 0.1, 0.9) == math.inf


def test_where_nothing_is_lost_all_may_leave_first() -> None:
    scores_VK, loss_VK = torch.rand(100, 3).double(), torch.zeros(100, 3, dtype=torch.long)
    assert controlled_threshold(scores_VK, loss_VK, torch.arange(3.0), 0.05, 0.95) == -math.inf


@RISKS
def test_one_checkpoint_is_full_inference(risk: str) -> None:
    loss_VK = torch.zeros(100, 1, dtype=torch.long)
    found = controlled_threshold(torch.rand(100, 1).double(), loss_VK, torch.ones(1), 0.05, 0.9, risk)
    assert found == math.inf


def test_what_is_no_score_loss_cost_or_risk_is_refused() -> None:
    scores_VK, class_VK, label_V = drawn(5, 3, 1)
    loss_VK, macs_K = losses(class_VK, label_V, "accuracy"), torch.arange(3.0)
    for value in (math.nan, math.inf):
        broken_VK = scores_VK.clone()
        broken_VK[1, 2] = value
        with pytest.raises(ValueError, match="scores that are not finite numbers"):
            controlled_threshold(broken_VK, loss_VK, macs_K, 0.1, 0.9)
    for wrong_VK in (loss_VK + 1, 2 * torch.ones_like(loss_VK), loss_VK.double()):
        with pytest.raises(ValueError, match="losses against full inference are -1, 0 and 1"):
            controlled_threshold(scores_VK, wrong_VK, macs_K, 0.1, 0.9)
    with pytest.raises(ValueError, match=r"scores \(5, 3\) need as many losses and 3 costs"):
        controlled_threshold(scores_VK, loss_VK[:, :2], macs_K, 0.1, 0.9)
    with pytest.raises(ValueError, match="risk must be one of accuracy, disagreement; got 'harm'"):
        losses(class_VK, label_V, "harm")
    with pytest.raises(ValueError, match="without a video"):
        controlled_threshold(scores_VK[:0], loss_VK[:0], macs_K, 0.1, 0.9)
