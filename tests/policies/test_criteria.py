"""What the criteria take for confidence, and what all of them keep.

Legend: B clips, J checkpoints seen so far, K checkpoints, N classes.
"""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.policies.criteria import CRITERIA

from dyninf.policies import Entropy, Evidence, Margin, Oracle, Patience, Policy, RandomExit, first_stop

every_criterion = pytest.mark.parametrize("policy", CRITERIA.values(), ids=CRITERIA)


def random_evidence(clips: int, checkpoints: int, classes: int, seed: int) -> Evidence:
    draw = torch.Generator().manual_seed(seed)
    return Evidence(
        2 * torch.randn(clips, checkpoints, classes, generator=draw),
        torch.randint(classes, (clips,), generator=draw),
        torch.randint(10**6, (clips,), generator=draw),
        torch.rand(clips, checkpoints, generator=draw, dtype=torch.float64),
    )


def up_to(evidence: Evidence, j: int) -> Evidence:
    """The evidence at the first j checkpoints."""
    so_far = (evidence.logits_BJN[:, :j], evidence.label_B, evidence.clip_B, evidence.gate_BJ[:, :j])
    return Evidence(*so_far)


# What all keep ---------------------------------------------------------------------------------------


@every_criterion
@given(st.integers(1, 5), st.integers(1, 6), st.integers(1, 4), st.integers(0, 10**6))
def test_a_score_uses_no_later_checkpoints_and_no_other_clips(
    policy: Policy, clips: int, K: int, classes: int, seed: int
) -> None:
    evidence = random_evidence(clips, K, classes, seed)
    scores_BK = policy.scores(evidence)
    assert scores_BK.shape == (clips, K)
    for j in range(1, K + 1):
        assert torch.equal(policy.scores(up_to(evidence, j)), scores_BK[:, :j])
    order_B = torch.randperm(clips)
    assert torch.equal(policy.scores(evidence[order_B]), scores_BK[order_B])
    assert torch.equal(policy.scores(evidence[:1]), scores_BK[:1])


@every_criterion
@pytest.mark.parametrize("classes", [1, 2, 400])
@pytest.mark.parametrize("size", [0.0, 1.0, 1e4, 3e38])
def test_scores_are_numbers_from_zero_to_one_for_a_single_class_and_huge_logits(
    policy: Policy, classes: int, size: float
) -> None:
    logits_BJN = torch.randn(3, 4, classes).clamp(-1, 1) * size
    known = (torch.zeros(3, dtype=torch.long), torch.arange(3), torch.rand(3, 4))
    scores_BJ = policy.scores(Evidence(logits_BJN, *known))
    assert ((scores_BJ >= 0) & (scores_BJ <= 1)).all()


@every_criterion
def test_zero_stops_all_at_the_first_checkpoint_and_above_one_nobody_before_the_last(policy: Policy) -> None:
    evidence = random_evidence(20, 5, 6, seed=1)
    scores_BK = policy.scores(evidence)
    for threshold, stop in ((0.0, 0), (1.0001, 4)):
        other = policy.with_threshold(threshold)
        assert first_stop(scores_BK, other.thresholds(5)).tolist() == [stop] * 20
        assert other.stops(evidence[torch.arange(20)], 5).all()  # the last checkpoint accepts
    first = up_to(evidence, 1)
    assert policy.with_threshold(0.0).stops(first, 5).all()
    assert not policy.with_threshold(1.0001).stops(first, 5).any()


@every_criterion
@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_logits_that_are_not_finite_are_never_confident(policy: Policy, value: float) -> None:
    evidence = random_evidence(3, 2, 4, seed=2)
    evidence.logits_BJN[1, 0, 2] = value
    with pytest.raises(ValueError, match=r"logits of clip 1 at checkpoint 0 \(from 0\) are not finite"):
        policy.with_threshold(0.5).stops(evidence, 4)


# Each ------------------------------------------------------------------------------------------------


@given(st.integers(2, 6), st.integers(0, 10**6))
def test_entropy_is_that_of_the_probabilities_as_a_share_of_the_largest_turned_round(
    classes: int, seed: int
) -> None:
    evidence = random_evidence(3, 2, classes, seed)
    for logits_JN, scores_J in zip(evidence.logits_BJN, Entropy().scores(evidence), strict=True):
        for logits_N, score in zip(logits_JN.tolist(), scores_J.tolist(), strict=True):
            total = sum(math.exp(x) for x in logits_N)
            entropy = -sum(math.exp(x) / total * math.log(math.exp(x) / total) for x in logits_N)
            assert score == pytest.approx(1 - entropy / math.log(classes), abs=1e-6)


def test_entropy_tells_equal_certain_and_single_classes() -> None:
    logits_BJN = torch.tensor([[[0.0, 0.0, 0.0], [1000.0, 0.0, 0.0]]])
    assert Entropy().scores(Evidence(logits_BJN)).tolist() == [[pytest.approx(0, abs=1e-12), 1.0]]
    assert Entropy().scores(Evidence(torch.zeros(1, 1, 1))).tolist() == [[1.0]]


def test_the_margin_is_the_lead_over_the_second_class() -> None:
    probability_BJN = torch.tensor([[[0.5, 0.3, 0.2], [0.1, 0.45, 0.45]]])
    scores_BJ = Margin().scores(Evidence(probability_BJN.log()))
    assert scores_BJ[0].tolist() == pytest.approx([0.2, 0.0], abs=1e-6)
    assert Margin().scores(Evidence(torch.zeros(1, 1, 1))).tolist() == [[1.0]]


@given(st.lists(st.integers(0, 2), min_size=1, max_size=8), st.integers(1, 4))
def test_patience_stops_when_the_last_n_checkpoints_agree(classes: list[int], in_a_row: int) -> None:
    K = len(classes)
    evidence = Evidence(torch.nn.functional.one_hot(torch.tensor([classes]), 3).float())
    agreeing = [k for k in range(K) if k + 1 >= in_a_row and len(set(classes[k + 1 - in_a_row : k + 1])) == 1]
    policy = Patience(in_a_row)
    found = first_stop(policy.scores(evidence), policy.thresholds(K)).item()
    assert found == min([*agreeing, K - 1])


@pytest.mark.parametrize("wrong", [0, -1, 1.5, True, "two"])
def test_patience_of_no_whole_number_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="in_a_row must be a whole number of at least 1, got"):
        Patience(wrong)
    with pytest.raises(ValueError, match="in_a_row or a threshold, not both"):
        Patience(2, threshold=0.5)


def test_random_exit_sends_given_shares_to_the_checkpoints() -> None:
    shares = [0.5, 0.0, 0.2, 0.3]
    policy, clips = RandomExit(shares), 20_000
    evidence = Evidence(torch.zeros(clips, 4, 2), clip_B=torch.arange(clips))
    stop_B = first_stop(policy.scores(evidence), policy.thresholds(4))
    found = torch.bincount(stop_B, minlength=4) / clips
    assert found.tolist() == pytest.approx(shares, abs=0.015)  # four standard deviations
    assert found[1] == 0


def test_random_exit_draws_by_seed_and_number_alone() -> None:
    numbers_B = torch.tensor([0, 7, 7, 2**40])
    evidence = Evidence(torch.randn(4, 3, 5), clip_B=numbers_B)
    scores_BJ = RandomExit().scores(evidence)
    assert (scores_BJ == scores_BJ[:, :1]).all()
    assert scores_BJ[1, 0] == scores_BJ[2, 0]
    assert torch.equal(RandomExit().scores(Evidence(torch.zeros(4, 3, 2), clip_B=numbers_B)), scores_BJ)
    assert len({*scores_BJ[:, 0].tolist(), *RandomExit(seed=1).scores(evidence)[:, 0].tolist()}) == 6
    many = [
        RandomExit(seed=seed).scores(Evidence(torch.zeros(500, 1, 2), clip_B=torch.arange(500)))
        for seed in (0, 1)
    ]
    assert abs(torch.corrcoef(torch.cat(many, 1).T)[0, 1].item()) < 0.2


@pytest.mark.parametrize("wrong", [[0.5, 0.6], [1.5, -0.5], [float("nan"), 1.0], 1.0, ["half", "half"]])
def test_shares_that_are_not_those_of_a_whole_are_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="shares must be numbers from 0 to 1, one a checkpoint, that add up"):
        RandomExit(wrong)


def test_shares_and_thresholds_together_and_seeds_that_are_none_are_refused() -> None:
    with pytest.raises(ValueError, match="shares or a threshold, not both"):
        RandomExit([1.0], threshold=0.5)
    for seed in (1.5, "one", True, 2**63):
        with pytest.raises(ValueError, match="seed must be a whole number"):
            RandomExit(seed=seed)


@given(st.integers(1, 5), st.integers(0, 10**6))
def test_the_oracle_stops_at_the_first_checkpoint_that_is_right(K: int, seed: int) -> None:
    evidence = random_evidence(6, K, 3, seed)
    found_B = first_stop(Oracle().scores(evidence), Oracle().thresholds(K))
    for logits_KN, label, found in zip(evidence.logits_BJN, evidence.label_B, found_B, strict=True):
        right = [k for k in range(K) if logits_KN[k].argmax() == label]
        assert found == min([*right, K - 1])


def test_only_the_oracle_is_no_method() -> None:
    assert [name for name, policy in CRITERIA.items() if policy.sees_labels] == ["Oracle"]


def test_evidence_that_a_policy_needs_and_lacks_is_one_clear_error() -> None:
    with pytest.raises(ValueError, match="cannot judge without the labels; give label_B"):
        Oracle().scores(Evidence(torch.zeros(2, 1, 3)))
    with pytest.raises(ValueError, match=r"RandomExit needs the numbers of the clips.*\(clip_B\)"):
        RandomExit().scores(Evidence(torch.zeros(2, 1, 3)))


def test_evidence_of_other_clips_is_refused() -> None:
    for wrong in (torch.arange(3), torch.zeros(2), torch.zeros(2, 1, dtype=torch.long)):
        with pytest.raises(ValueError, match="2 clips need one label each, integers"):
            Evidence(torch.zeros(2, 1, 3), label_B=wrong)
        with pytest.raises(ValueError, match="2 clips need one clip number each, integers"):
            Evidence(torch.zeros(2, 1, 3), clip_B=wrong)
