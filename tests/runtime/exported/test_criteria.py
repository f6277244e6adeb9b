"""The criteria on arrays are those of `dyninf.policies`.

Legend: B clips, J checkpoints seen so far, K checkpoints, N classes.
"""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.policies.criteria import CRITERIA as POLICIES
from tests.policies.test_criteria import random_evidence, up_to

from dyninf.policies import Entropy, Evidence, MaxProbability, Policy, RandomExit
from dyninf.runtime.exported.criteria import SCORES, Criterion, Seen
from dyninf.trace import CRITERIA

USABLE = {name: policy for name, policy in POLICIES.items() if not policy.sees_labels}


def criterion_of(policy: Policy, K: int, threshold: float = 0.5) -> Criterion:
    given = policy.temperature
    temperature = tuple(given) if isinstance(given, list) else (1.0 if given is None else given,) * K
    threshold_K = tuple(policy.with_threshold(threshold).thresholds(K).tolist())
    return Criterion(type(policy).__name__, threshold_K, temperature, getattr(policy, "seed", 0))


def seen_of(evidence: Evidence) -> Seen:
    return Seen(evidence.logits_BJN.numpy(), evidence.clip_B.numpy(), evidence.gate_BJ.numpy())


def test_every_criterion_that_sees_no_labels_is_there() -> None:
    assert set(SCORES) == {name for name, kind in CRITERIA.items() if not kind.sees_labels}


@pytest.mark.parametrize("policy", USABLE.values(), ids=USABLE)
@given(st.integers(1, 5), st.integers(1, 6), st.integers(1, 8), st.integers(0, 10**6))
def test_scores_and_decisions_are_those_of_the_policy(
    policy: Policy, clips: int, K: int, classes: int, seed: int
) -> None:
    evidence = random_evidence(clips, K, classes, seed)
    scores_BK, criterion = policy.scores(evidence).double(), criterion_of(policy, K)
    for j in range(1, K + 1):
        score_B = criterion.score(seen_of(up_to(evidence, j)))
        assert score_B.dtype == np.float64
        np.testing.assert_allclose(score_B, scores_BK[:, j - 1], rtol=0, atol=1e-14)
        stops_B = policy.with_threshold(0.5).stops(up_to(evidence, j), K)
        assert criterion.stops(seen_of(up_to(evidence, j))).tolist() == stops_B.tolist()


@given(st.integers(-(2**63) + 1, 2**63 - 1), st.lists(st.integers(0, 2**62), min_size=1, max_size=5))
def test_lots_are_drawn_bit_for_bit_as_torch_draws_them(seed: int, numbers: list[int]) -> None:
    evidence = Evidence(torch.zeros(len(numbers), 1, 2), clip_B=torch.tensor(numbers))
    expected_B = RandomExit(seed=seed).scores(evidence)[:, 0]
    seen = Seen(evidence.logits_BJN.numpy(), np.array(numbers))
    assert np.array_equal(criterion_of(RandomExit(seed=seed), 1).score(seen), expected_B.numpy())


@pytest.mark.parametrize("kind", [MaxProbability, Entropy])
@pytest.mark.parametrize("size", [0.0, 1.0, 1e4, 3e38])
def test_a_temperature_for_each_checkpoint_and_huge_logits_count_as_they_do_in_torch(
    kind: type[Policy], size: float
) -> None:
    policy = kind(temperature=[0.5, 1.0, 3.0])
    logits_BJN = torch.randn(4, 3, 6, generator=torch.Generator().manual_seed(0)).clamp(-1, 1) * size
    scores_BJ = policy.scores(Evidence(logits_BJN))
    for j in (1, 2, 3):
        score_B = criterion_of(policy, 3).score(Seen(logits_BJN[:, :j].numpy(), np.arange(4)))
        np.testing.assert_allclose(score_B, scores_BJ[:, j - 1], rtol=0, atol=1e-14)
