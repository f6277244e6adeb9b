"""Promises with a confidence, and temperatures, from a calibration trace.

Legend: V videos, K checkpoints.
"""

import pytest
import torch
from tests.policies.criteria import CRITERIA
from tests.trace.traces import random_trace

from dyninf.policies import MaxProbability, Patience, Policy, fit_temperature, holds
from dyninf.trace import Promise, Trace, calibrate, uncertified
from dyninf.trace.certify import halves

SOLVERS = pytest.mark.parametrize("solver", ["single", "budgeted_batch", "direct"])
RISKS = pytest.mark.parametrize("risk", ["accuracy", "disagreement"])


def counted(trace: Trace, policy: Policy, risk: str) -> tuple[int, int]:
    """Lost and gained videos, one by one."""
    found, full = trace.replay(policy).predicted_V.tolist(), trace.full().predicted_V.tolist()
    triples = list(zip(found, full, trace.label_V.tolist(), strict=True))
    if risk == "disagreement":
        return sum(one != last for one, last, _ in triples), 0
    lost = sum(last == label != one for one, last, label in triples)
    return lost, sum(one == label != last for one, last, label in triples)


@SOLVERS
@RISKS
@pytest.mark.parametrize("scaling", [False, True])
def test_what_is_certified_holds_on_the_videos_that_nothing_was_fitted_on(
    solver: str, risk: str, scaling: bool
) -> None:
    trace = random_trace(600)
    promise = Promise(0.1, solver=solver, confidence=0.9, risk=risk, temperature_scaling=scaling)
    policy = calibrate(trace, MaxProbability(), promise)
    tested = halves(trace)[1] if scaling or solver != "single" else trace
    lost, gained = (torch.tensor([number]) for number in counted(tested, policy, risk))
    assert holds(lost, gained, len(tested.video_ids), 0.1, 0.9, risk).all()
    assert trace.replay(policy).mean_macs < trace.full().mean_macs
    assert uncertified(trace, policy, promise) is None


@pytest.mark.parametrize("policy", CRITERIA.values(), ids=CRITERIA)
def test_every_criterion_can_be_certified_or_gives_full_inference(policy: Policy) -> None:
    trace, promise = random_trace(200, gates=True), Promise(0.1, confidence=0.8)
    found = calibrate(trace, policy, promise)
    lost, gained = counted(trace, found, "accuracy")
    assert (lost - gained) / 200 <= 0.1
    is_full = trace.replay(found).mean_macs == trace.full().mean_macs
    assert (uncertified(trace, found, promise) is not None) == is_full


def test_a_stated_confidence_costs_more_than_none_and_a_higher_one_more_yet() -> None:
    trace = random_trace(1000)
    promises = [Promise(0.05), Promise(0.05, confidence=0.8), Promise(0.05, confidence=0.99)]
    costs = [trace.replay(calibrate(trace, MaxProbability(), promise)).mean_macs for promise in promises]
    assert costs[0] < costs[1] < costs[2] < trace.full().mean_macs


@SOLVERS
def test_too_few_videos_give_full_inference_and_a_line_that_says_how_many_it_takes(solver: str) -> None:
    trace, promise = random_trace(100), Promise(0.01, solver=solver, confidence=0.95)
    policy = calibrate(trace, MaxProbability(), promise)
    assert trace.replay(policy).mean_macs == trace.full().mean_macs
    videos = 100 if solver == "single" else 50
    assert uncertified(trace, policy, promise) == (
        f"no early exit can be certified on {videos} calibration videos (1.0% at 95% confidence): "
        "at least 299 are needed, and about 897 if some answers change. Full inference is what is given"
    )


def test_where_the_surest_exits_change_too_much_it_is_said() -> None:
    trace, promise = random_trace(1000), Promise(0.01, confidence=0.95, risk="disagreement")
    policy = calibrate(trace, Patience(), promise)
    assert trace.replay(policy).mean_macs == trace.full().mean_macs
    assert "even the surest exits change too many answers" in uncertified(trace, policy, promise)


@SOLVERS
def test_a_network_with_one_checkpoint_has_nothing_to_certify(solver: str) -> None:
    trace, promise = random_trace(50, checkpoints=1), Promise(0.01, solver=solver, confidence=0.95)
    policy = calibrate(trace, MaxProbability(), promise)
    assert trace.replay(policy).mean_macs == trace.full().mean_macs
    assert uncertified(trace, policy, promise) is None


def test_halves_share_no_video_have_all_and_are_always_the_same() -> None:
    trace = random_trace(41)
    first, second = halves(trace)
    assert (len(first.video_ids), len(second.video_ids)) == (20, 21)
    assert sorted(first.video_ids + second.video_ids) == sorted(trace.video_ids)
    assert halves(trace)[0].video_ids == first.video_ids
    assert first.video_ids != trace.video_ids[:20]


def test_temperatures_come_from_all_videos_unless_half_of_them_test() -> None:
    trace = random_trace(200)
    policy = calibrate(trace, MaxProbability(), Promise(0.05, temperature_scaling=True))
    assert policy.temperature == fit_temperature(trace.logits_VKN, trace.label_V)
    sure = Promise(0.05, confidence=0.9, temperature_scaling=True)
    half = halves(trace)[0]
    found = calibrate(trace, MaxProbability(), sure)
    assert found.temperature == fit_temperature(half.logits_VKN, half.label_V)


@SOLVERS
def test_thresholds_are_chosen_on_the_scaled_scores(solver: str) -> None:
    trace = random_trace(300)
    found = calibrate(trace, MaxProbability(), Promise(0.02, solver=solver, temperature_scaling=True))
    given = MaxProbability(temperature=found.temperature)
    assert calibrate(trace, given, Promise(0.02, solver=solver)).threshold == found.threshold
    assert trace.replay(found).top1 >= trace.full().top1 - 0.02 - 1e-9


def test_a_temperature_that_is_given_is_not_fitted() -> None:
    with pytest.raises(ValueError, match=r"policy\.temperature or temperature_scaling, not both"):
        calibrate(random_trace(), MaxProbability(temperature=2.0), Promise(temperature_scaling=True))


def test_promises_with_a_confidence_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match=r"needs a limit \(max_drop\) above 0 and below 1, got 0"):
        Promise(confidence=0.95)
    with pytest.raises(ValueError, match="a confidence goes with max_drop, not with a budget"):
        Promise(budget="50%", confidence=0.95)
    with pytest.raises(ValueError, match="risk=disagreement needs a confidence"):
        Promise(0.01, risk="disagreement")
    with pytest.raises(ValueError, match="risk must be one of accuracy, disagreement; got 'harm'"):
        Promise(0.01, confidence=0.95, risk="harm")
    for wrong in ("high", True, [0.9]):
        with pytest.raises(ValueError, match=r"confidence must be a number such as 0\.95, or null"):
            Promise(0.01, confidence=wrong)
    with pytest.raises(ValueError, match=r"confidence must be above 0\.5 and below 1"):
        Promise(0.01, confidence=0.3)


def test_a_promise_with_a_confidence_says_what_it_is() -> None:
    assert str(Promise(0.005, confidence=0.95)) == (
        "the cheapest certified on calibration; loses less than 0.5% at 95% confidence"
    )
    promise = Promise(0.02, solver="direct", confidence=0.9, risk="disagreement")
    assert str(promise) == (
        "the cheapest certified on the half of calibration that nothing was fitted on; "
        "answers otherwise than full inference for less than 2.0% at 90% confidence"
    )
