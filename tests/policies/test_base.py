"""Thresholds, scores, and where a video stops.

Legend: B clips, V videos, J checkpoints seen so far, K checkpoints, N classes.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dyninf.policies import Evidence, MaxProbability, check_logits, first_stop


def test_one_threshold_is_for_all_checkpoints_but_the_last() -> None:
    assert MaxProbability(0.7).thresholds(3).tolist() == [0.7, 0.7, -torch.inf]
    assert MaxProbability(0.7).thresholds(1).tolist() == [-torch.inf]
    assert MaxProbability(0.7).thresholds(3).dtype == torch.float64


def test_thresholds_can_be_given_with_or_without_the_last_which_is_not_used() -> None:
    assert MaxProbability([0.1, 0.2]).thresholds(3).tolist() == [0.1, 0.2, -torch.inf]
    assert MaxProbability([0.1, 0.2, 0.3]).thresholds(3).tolist() == [0.1, 0.2, -torch.inf]
    assert MaxProbability([]).thresholds(1).tolist() == [-torch.inf]


@pytest.mark.parametrize("number", [1, 2, 5, 6])
def test_another_number_of_thresholds_is_refused(number: int) -> None:
    with pytest.raises(
        ValueError, match=rf"{number} thresholds for 4 checkpoints.*\(4, or 3 without the last\)"
    ):
        MaxProbability([0.5] * number).thresholds(4)


def test_nested_thresholds_are_refused() -> None:
    with pytest.raises(ValueError, match="thresholds for 2 checkpoints"):
        MaxProbability([[0.5, 0.6]]).thresholds(2)


@pytest.mark.parametrize("threshold", [float("nan"), [0.5, float("nan")], "high", [0.5, "high"], [0.5, None]])
def test_a_threshold_that_is_not_a_number_is_refused(threshold: object) -> None:
    with pytest.raises(ValueError, match="is not a number, nor a list of numbers"):
        MaxProbability(threshold)


def test_a_policy_without_a_threshold_scores_but_does_not_stop() -> None:
    logits_BJN = torch.randn(2, 3, 4)
    assert MaxProbability().scores(Evidence(logits_BJN)).shape == (2, 3)
    with pytest.raises(ValueError, match="MaxProbability has no threshold yet"):
        MaxProbability().thresholds(3)
    with pytest.raises(ValueError, match="no threshold yet"):
        MaxProbability().stops(Evidence(logits_BJN), 3)


def test_the_score_is_the_largest_softmax_probability() -> None:
    logits_BJN = torch.tensor([[[0.0, 0.0], [100.0, 0.0]], [[1.0, 0.0], [-1.0, 1.0]]])
    expected = torch.tensor([[0.5, 1.0], [1, 2]]).double()
    expected[1] = 1 / (1 + (-expected[1]).exp())
    assert torch.allclose(MaxProbability().scores(Evidence(logits_BJN)), expected)
    # Adding a number to all logits is no evidence.
    assert torch.allclose(MaxProbability().scores(Evidence(logits_BJN + 50)), expected)


@given(st.integers(1, 5), st.integers(1, 6), st.integers(1, 4), st.randoms())
def test_a_score_uses_no_later_logits(clips: int, K: int, classes: int, random: object) -> None:
    torch.manual_seed(random.randint(0, 10**6))
    logits_BKN = torch.randn(clips, K, classes)
    scores_BK = MaxProbability().scores(Evidence(logits_BKN))
    for j in range(1, K + 1):
        assert torch.equal(MaxProbability().scores(Evidence(logits_BKN[:, :j])), scores_BK[:, :j])


def test_another_threshold_makes_another_policy() -> None:
    policy = MaxProbability(0.5)
    other = policy.with_threshold([0.1, 0.2])
    assert isinstance(other, MaxProbability)
    assert (policy.threshold, other.threshold) == (0.5, [0.1, 0.2])


SCORES = st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0])  # few values, so that ties with thresholds occur


@given(st.integers(1, 6), st.data())
def test_a_video_stops_at_the_first_checkpoint_that_reaches_its_threshold(
    K: int, data: st.DataObject
) -> None:
    scores_VK = torch.tensor(
        data.draw(st.lists(st.lists(SCORES, min_size=K, max_size=K), min_size=1, max_size=8)),
        dtype=torch.float64,
    )
    thresholds_K = MaxProbability(data.draw(st.lists(SCORES, min_size=K, max_size=K))).thresholds(K)
    expected = []
    for scores_K in scores_VK.tolist():
        k = 0
        while k < K - 1 and not scores_K[k] >= thresholds_K[k]:
            k += 1
        expected.append(k)
    assert first_stop(scores_VK, thresholds_K).tolist() == expected


@given(st.integers(1, 6), st.integers(2, 4), st.floats(0.2, 1.0), st.integers(0, 10**6))
def test_asking_at_each_checkpoint_stops_where_first_stop_says(
    K: int, classes: int, threshold: float, seed: int
) -> None:
    torch.manual_seed(seed)
    logits_VKN, policy = 2 * torch.randn(6, K, classes), MaxProbability(threshold)
    stops_VK = torch.stack([policy.stops(Evidence(logits_VKN[:, : k + 1]), K) for k in range(K)], 1)
    assert stops_VK[:, -1].all()
    found_V = first_stop(policy.scores(Evidence(logits_VKN)).double(), policy.thresholds(K))
    assert stops_VK.int().argmax(1).tolist() == found_V.tolist()


def test_scores_that_equal_the_threshold_stop() -> None:
    logits_BJN = torch.zeros(1, 1, 4)
    assert MaxProbability(0.25).stops(Evidence(logits_BJN), 2).tolist() == [True]
    assert MaxProbability(0.2500001).stops(Evidence(logits_BJN), 2).tolist() == [False]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("threshold", [0.0, 0.5, 2.0])
def test_logits_that_are_not_finite_are_never_confident(value: float, threshold: float) -> None:
    logits_BJN = torch.randn(3, 2, 4)
    logits_BJN[2, 1, 3] = value
    for num_checkpoints in (2, 5):  # whether this checkpoint is the last or not
        with pytest.raises(ValueError, match=r"logits of clip 2 at checkpoint 1 \(from 0\) are not finite"):
            MaxProbability(threshold).stops(Evidence(logits_BJN), num_checkpoints)
    with pytest.raises(ValueError, match="clip 2 at checkpoint 1"):
        check_logits(logits_BJN)
    check_logits(logits_BJN[:2])


def test_probabilities_next_to_one_are_told_apart() -> None:
    logits_BJN = torch.tensor([[[20.0, 0.0]], [[21.0, 0.0]]])
    first, second = MaxProbability().scores(Evidence(logits_BJN))[:, 0].tolist()
    assert first < second < 1


class Scaled(MaxProbability):
    """A policy with a setting besides its threshold."""

    def __init__(self, scale: float, threshold: float | None = None) -> None:
        super().__init__(threshold)
        self.scale = scale


def test_another_threshold_changes_nothing_else() -> None:
    policy = Scaled(3.0, 0.5)
    other = policy.with_threshold(0.7)
    assert (other.scale, other.threshold) == (3.0, 0.7)
    assert (policy.scale, policy.threshold) == (3.0, 0.5)
    with pytest.raises(ValueError, match="is not a number"):
        policy.with_threshold(float("nan"))
