"""Temperatures: the most likely ones, and what they leave as it is.

Legend: V videos, K checkpoints, N classes.
"""

import math

import pytest
import torch
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dyninf.policies import (
    Entropy,
    Evidence,
    Margin,
    MaxProbability,
    Oracle,
    Patience,
    RandomExit,
    fit_temperature,
    scaled,
)
from dyninf.policies.temperature import COLDEST, HOTTEST


@given(st.integers(2, 40), st.integers(2, 5), st.integers(0, 10**6), st.sampled_from([0.5, 3.0, 20.0]))
@hypothesis_settings(max_examples=25)
def test_no_other_temperature_makes_the_labels_more_likely(V: int, N: int, seed: int, size: float) -> None:
    draw = torch.Generator().manual_seed(seed)
    logits_VKN = size * torch.randn(V, 2, N, generator=draw)
    label_V = torch.randint(N, (V,), generator=draw)
    for k, found in enumerate(fit_temperature(logits_VKN, label_V)):

        def loss(temperature: float, k: int = k) -> float:
            return torch.nn.functional.cross_entropy(logits_VKN[:, k].double() / temperature, label_V).item()

        assert COLDEST <= found <= HOTTEST
        others = [math.exp(x / 10) for x in range(-46, 47)]
        assert loss(found) <= min(map(loss, others)) + 1e-6


def test_logits_that_are_too_large_by_a_factor_are_divided_by_it() -> None:
    draw = torch.Generator().manual_seed(0)
    logits_VN = 2 * torch.randn(20_000, 5, generator=draw)
    label_V = torch.multinomial(logits_VN.softmax(1), 1, generator=draw)[:, 0]
    factor_K = torch.tensor([1.0, 3.0, 0.25])
    found = fit_temperature(logits_VN[:, None] * factor_K[:, None], label_V)
    assert found == pytest.approx(factor_K.tolist(), rel=0.03)


def test_where_the_likelihood_has_no_end_the_temperature_has() -> None:
    right_VKN = torch.eye(3)[:, None]
    assert fit_temperature(right_VKN, torch.arange(3)) == pytest.approx([COLDEST], rel=1e-4)
    assert fit_temperature(right_VKN, torch.tensor([1, 2, 0])) == pytest.approx([HOTTEST], rel=1e-4)


def test_a_temperature_is_not_fitted_to_nothing_or_to_what_is_no_number() -> None:
    with pytest.raises(ValueError, match="without a video"):
        fit_temperature(torch.zeros(0, 2, 3), torch.zeros(0, dtype=torch.long))
    for value in (math.nan, math.inf):
        with pytest.raises(ValueError, match="logits that are not finite"):
            fit_temperature(torch.full((4, 2, 3), value), torch.zeros(4, dtype=torch.long))


@pytest.mark.parametrize("kind", [MaxProbability, Entropy, Margin])
@pytest.mark.parametrize("temperature", [2.5, [0.5, 1.0, 4.0]])
def test_scores_are_those_of_divided_logits(kind: type, temperature: float | list[float]) -> None:
    logits_BJN = torch.randn(6, 3, 4).double()
    each_J = torch.tensor(temperature, dtype=torch.float64).expand(3)
    found_BJ = kind(temperature=temperature).scores(Evidence(logits_BJN))
    assert torch.allclose(found_BJ, kind().scores(Evidence(logits_BJN / each_J[:, None])))
    for j in (1, 2):
        so_far = Evidence(logits_BJN[:, :j])
        assert torch.equal(kind(temperature=temperature).scores(so_far), found_BJ[:, :j])


@pytest.mark.parametrize(
    "policy", [Patience(2), RandomExit(threshold=0.5), Oracle()], ids=lambda p: type(p).__name__
)
def test_a_score_that_is_not_made_of_probabilities_ignores_the_temperature(policy: object) -> None:
    evidence = Evidence(torch.randn(6, 3, 4), torch.arange(6) % 4, torch.arange(6))
    hot = policy.with_temperature([2.0, 3.0, 4.0])
    assert torch.equal(hot.scores(evidence), policy.scores(evidence))
    assert hot.temperature == [2.0, 3.0, 4.0]
    assert policy.temperature is None


@given(st.floats(0.01, 100), st.integers(0, 10**6))
def test_the_most_probable_class_stays(temperature: float, seed: int) -> None:
    logits_VKN = torch.randn(5, 3, 4, generator=torch.Generator().manual_seed(seed))
    assert torch.equal(scaled(logits_VKN, temperature).argmax(-1), logits_VKN.argmax(-1))


def test_no_temperature_is_one() -> None:
    evidence = Evidence(torch.randn(5, 3, 4))
    assert torch.equal(MaxProbability(temperature=1).scores(evidence), MaxProbability().scores(evidence))


@pytest.mark.parametrize("wrong", [0, -1.0, math.nan, math.inf, "hot", [1.0, 0.0], [[1.0]], [1.0, None]])
def test_what_is_no_temperature_is_refused(wrong: object) -> None:
    with pytest.raises(ValueError, match="is not a number above 0, nor a list of such numbers"):
        MaxProbability(temperature=wrong)
    with pytest.raises(ValueError, match="is not a number above 0"):
        MaxProbability().with_temperature(wrong)


def test_another_number_of_temperatures_than_checkpoints_is_refused() -> None:
    policy = MaxProbability(0.5, temperature=[1.0, 2.0])
    assert policy.thresholds(2).tolist() == [0.5, -math.inf]
    with pytest.raises(ValueError, match="2 temperatures for 3 checkpoints; give one number, or one each"):
        policy.thresholds(3)
