"""Tables of milliseconds, and thresholds for a budget in them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from tests.files import held_in
from tests.policies.criteria import CRITERIA
from tests.trace.traces import random_trace

from dyninf.policies import MaxProbability, Policy
from dyninf.trace import Milliseconds, Promise, Trace, calibrate

TIMES = (4.0, 5.0, 11.0, 12.5)  # not in proportion to the multiply-adds of `random_trace`


def table_of(trace: Trace, times: tuple[float, ...] = TIMES) -> Milliseconds:
    info = trace.info
    return Milliseconds(info.network, info.checkpoints, tuple(trace.macs_K.tolist()), times, "a clock", 30)


def mean_time(trace: Trace, policy: Policy) -> float:
    return torch.tensor(TIMES, dtype=torch.float64)[trace.replay(policy).checkpoint_V].mean().item()


@pytest.mark.parametrize("policy", CRITERIA.values(), ids=CRITERIA)
@pytest.mark.parametrize("solver", ["single", "budgeted_batch", "direct"])
@pytest.mark.parametrize("budget", ["7ms", "9.5 ms"])
def test_every_solver_keeps_a_budget_in_milliseconds_with_every_criterion(
    policy: Policy, solver: str, budget: str
) -> None:
    trace = random_trace(150, gates=True)
    found = calibrate(trace, policy, Promise(budget=budget, solver=solver), milliseconds=table_of(trace))
    assert mean_time(trace, found) <= float(budget.removesuffix("ms")) * (1 + 1e-9)


def test_a_budget_of_the_full_time_is_full_inference_whatever_the_multiply_adds() -> None:
    trace = random_trace(100)
    promise = Promise(budget="12.5ms", solver="direct")
    found = calibrate(trace, MaxProbability(), promise, milliseconds=table_of(trace))
    assert mean_time(trace, found) == 12.5


def test_the_best_threshold_for_a_time_is_not_the_one_for_the_same_share_of_multiply_adds() -> None:
    trace = random_trace(300)
    timed, counted = (
        calibrate(trace, MaxProbability(), Promise(budget=budget), milliseconds=table_of(trace))
        for budget in ("6.25ms", "50%")
    )
    assert timed.threshold != counted.threshold
    assert mean_time(trace, timed) <= 6.25 < mean_time(trace, counted)


def test_a_budget_in_milliseconds_needs_a_table_that_fits() -> None:
    trace, promise = random_trace(), Promise(budget="7ms")
    with pytest.raises(ValueError, match="a budget of 7ms needs a table of milliseconds"):
        calibrate(trace, MaxProbability(), promise)
    larger = replace(trace, macs_K=2 * trace.macs_K)
    for other in (larger, random_trace(checkpoints=5), replace(trace, info=replace(trace.info, network="x"))):
        with pytest.raises(ValueError, match="of another network, frame size or number of views"):
            calibrate(other, MaxProbability(), promise, milliseconds=table_of(trace))


def test_a_budget_below_the_first_checkpoints_time_is_refused() -> None:
    trace = random_trace()
    with pytest.raises(ValueError, match="below the cost of the first checkpoint; it must be at least 4"):
        calibrate(trace, MaxProbability(), Promise(budget="3ms"), milliseconds=table_of(trace))


def test_a_budget_has_a_unit() -> None:
    units = {None: None, 20: "GMACs", "50%": "%", "15ms": "ms"}
    assert {budget: Promise(budget=budget).unit for budget in units} == units
    assert [Promise(budget=budget).budget_cost(8e9) for budget in units] == [None, 20e9, 4e9, 15]
    for wrong in ("ms", "-3ms", "0ms", "nanms", "fastms"):
        with pytest.raises(ValueError, match="or milliseconds such as 15ms; got"):
            Promise(budget=wrong)


def test_a_table_comes_back_from_its_file_as_it_was(tmp_path: Path) -> None:
    table = table_of(random_trace())
    table.save(tmp_path / "new" / "milliseconds.json")
    assert Milliseconds.load(tmp_path / "new" / "milliseconds.json") == table


@pytest.mark.parametrize(
    "times", [(1.0, 2.0, 2.0, 3.0), (0.0, 1.0, 2.0, 3.0), (1.0, 2.0), (1.0, 2.0, 3.0, torch.inf)]
)
def test_times_that_do_not_grow_or_are_not_one_a_checkpoint_are_refused(times: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="milliseconds"):
        table_of(random_trace(), times)


def test_a_damaged_table_is_refused_with_its_name(tmp_path: Path) -> None:
    path = tmp_path / "ms.json"
    table_of(random_trace()).save(path)
    facts = held_in(path)
    for content, said in (
        ("{", "is no table of milliseconds"),
        ("[]", "is no table of milliseconds"),
        (json.dumps({key: facts[key] for key in facts if key != "device"}), "it has no 'device'"),
        (json.dumps(facts | {"milliseconds": [3, 2, 1, 0]}), "grow from checkpoint to checkpoint"),
        (json.dumps(facts | {"macs": "many"}), "is no table of milliseconds"),
    ):
        path.write_text(content)
        with pytest.raises(ValueError, match=said) as found:
            Milliseconds.load(path)
        assert str(path) in str(found.value)
    with pytest.raises(FileNotFoundError, match=r"dyninf\.macs measures one: milliseconds="):
        Milliseconds.load(tmp_path / "other.json")
