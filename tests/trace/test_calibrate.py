"""Promises that thresholds keep on the calibration split.

Legend: K checkpoints.
"""

from dataclasses import replace

import pytest
from tests.policies.criteria import CRITERIA
from tests.trace.traces import random_trace

from dyninf.policies import MaxProbability, Policy
from dyninf.trace import Promise, calibrate, check_calibration

SOLVERS = ("single", "budgeted_batch", "direct")
every_criterion = pytest.mark.parametrize("policy", CRITERIA.values(), ids=CRITERIA)


@every_criterion
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_solver_keeps_a_budget_with_every_criterion(policy: Policy, solver: str) -> None:
    trace = random_trace(150, gates=True)
    for budget in ("60%", 0.8):  # 0.8 GMACs are 60 % of this network's
        found = calibrate(trace, policy, Promise(budget=budget, solver=solver))
        assert type(found) is type(policy)
        assert trace.replay(found).mean_macs <= 0.8e9 * (1 + 1e-9)


@every_criterion
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("max_drop", [0.0, 0.1])
def test_every_solver_keeps_a_promise_of_accuracy(policy: Policy, solver: str, max_drop: float) -> None:
    trace = random_trace(150, gates=True)
    found = trace.replay(calibrate(trace, policy, Promise(max_drop, solver=solver)))
    assert found.top1 >= trace.full().top1 - max_drop - 1e-9
    assert found.mean_macs <= trace.full().mean_macs


def test_the_direct_solver_is_as_accurate_as_the_others_for_a_budget_and_cheaper_for_an_accuracy() -> None:
    trace = random_trace(400)
    found = {
        solver: trace.replay(calibrate(trace, MaxProbability(), Promise(budget="60%", solver=solver)))
        for solver in ("budgeted_batch", "direct")
    }
    assert found["direct"].top1 >= found["budgeted_batch"].top1
    costs = [
        trace.replay(calibrate(trace, MaxProbability(), Promise(0.02, solver=solver))).mean_macs
        for solver in ("single", "direct")
    ]
    assert costs[1] < costs[0]


@pytest.mark.parametrize("solver", SOLVERS[1:])
def test_thresholds_of_several_checkpoints_are_plain_numbers_that_can_be_given_again(solver: str) -> None:
    trace = random_trace(100)
    policy = calibrate(trace, MaxProbability(), Promise(budget="40%", solver=solver))
    assert len(policy.threshold) == 3
    assert all(0 <= threshold <= 2 for threshold in policy.threshold)
    assert trace.replay(MaxProbability(policy.threshold)).mean_macs == trace.replay(policy).mean_macs


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_budget_of_all_or_more_is_full_inference_unless_one_threshold_is_more_accurate(solver: str) -> None:
    trace = random_trace(100)
    for budget in ("100%", 1000):
        found = trace.replay(calibrate(trace, MaxProbability(), Promise(budget=budget, solver=solver)))
        assert found.top1 >= trace.full().top1
        assert solver == "single" or found.mean_macs == trace.full().mean_macs


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_budget_below_the_first_checkpoint_is_refused(solver: str) -> None:
    with pytest.raises(ValueError, match="below the cost of the first checkpoint; it must be at least"):
        calibrate(random_trace(), MaxProbability(), Promise(budget="10%", solver=solver))


@pytest.mark.parametrize("budget", [0, -1, "half", "0%", "-5%", "%", "50", True, float("nan"), [1.0]])
def test_what_is_no_budget_is_refused(budget: object) -> None:
    with pytest.raises(ValueError, match=r"budget must be a number of GMACs or a percentage .* such as 50%"):
        Promise(budget=budget)


def test_other_promises_that_make_no_sense_are_refused() -> None:
    with pytest.raises(ValueError, match="solver must be one of single, budgeted_batch, direct; got 'best'"):
        Promise(solver="best")
    with pytest.raises(ValueError, match="max_drop or budget, not both"):
        Promise(max_drop=0.1, budget="50%")
    for wrong in (-0.1, "low", None, float("nan")):
        with pytest.raises(ValueError, match="max_drop must be a number of at least 0"):
            Promise(max_drop=wrong)


def test_a_promise_says_what_it_is() -> None:
    assert str(Promise(0.005)) == "the cheapest on calibration that loses at most 0.5%"
    assert str(Promise(budget="50%")) == "the most accurate on calibration for at most 50%"
    assert str(Promise(budget=20)) == "the most accurate on calibration for at most 20 GMACs"


def test_a_threshold_is_not_chosen_on_videos_that_are_reported_in_other_views() -> None:
    trace = random_trace(20)

    def named(split: str):
        return replace(trace, info=replace(trace.info, split=split))

    reported = named("ucf101/test@0123456789ab")
    for same in ("ucf101/test@0123456789ab", "ucf101/test@ba9876543210", "ucf101/test+contrast-5@0123"):
        with pytest.raises(ValueError, match="cannot be chosen on the split that is reported"):
            check_calibration(reported, named(same))
    check_calibration(reported, named("ucf101/calibration@0123456789ab"))
