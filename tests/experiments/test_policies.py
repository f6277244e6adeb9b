"""The table study's own parts: the ceiling, and rows over seeds.

Legend: V videos, K checkpoints, S seeds.
"""

import itertools

import pytest
import torch
from experiments.policies.ceiling import ceiling
from experiments.policies.run import (
    PERCENTS,
    SOLVERS,
    Run,
    ceilings,
    criteria,
    measured,
    one_checkpoint,
    tables,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.trace.traces import random_trace

from dyninf.configuration import choices
from dyninf.policies import Oracle
from dyninf.trace import Promise, calibrate


@given(
    right=st.lists(st.lists(st.booleans(), min_size=3, max_size=3), min_size=1, max_size=5),
    budget=st.integers(2, 12),
)
@settings(max_examples=60, deadline=None)
def test_no_way_of_leaving_within_the_budget_gets_more_right_than_the_ceiling(
    right: list[list[bool]], budget: int
) -> None:
    right_VK, macs_K = torch.tensor(right), torch.tensor([2.0, 5.0, 12.0])
    best = max(
        sum(row[k] for row, k in zip(right, stops, strict=True))
        for stops in itertools.product(range(3), repeat=len(right))
        if sum(macs_K[k].item() for k in stops) <= budget * len(right)
    )
    stop_V = ceiling(right_VK, macs_K, budget)
    assert right_VK.gather(1, stop_V[:, None]).sum() == best
    assert macs_K[stop_V].mean() <= budget * (1 + 1e-6)


def test_a_ceiling_below_the_first_checkpoint_is_refused() -> None:
    with pytest.raises(ValueError, match="below the first checkpoint's 2"):
        ceiling(torch.ones(3, 2, dtype=torch.bool), torch.tensor([2.0, 3.0]), 1.9)


@pytest.fixture(scope="module")
def runs() -> list[Run]:
    """Two seeds."""
    return [Run(s, random_trace(60, 6, seed=10 + s), random_trace(60, 6, seed=20 + s)) for s in (0, 1)]


def test_every_criterion_but_the_oracle_joins_and_has_its_calibrated_rows(runs: list[Run]) -> None:
    policies, missing = criteria(runs)
    assert {*policies, *missing, "oracle"} == set(choices("policy"))
    assert len(policies) >= 5
    name = "entropy"
    cells = list(measured(runs, {name: policies[name]}))
    assert [(cell.solver, cell.percent) for cell in cells] == list(itertools.product(SOLVERS, PERCENTS))
    for cell in cells:
        assert cell.right_SV.shape == (2, 60)
        for s, run in enumerate(runs):
            promise = Promise(budget=f"{cell.percent}%", solver=cell.solver)
            outcome = run.test.replay(calibrate(run.calibration, policies[name], promise))
            assert cell.right_SV[s].double().mean().item() == pytest.approx(outcome.top1)
            assert cell.share_SV[s].mean().item() == pytest.approx(outcome.mean_macs / 2e9)
        rows = list(cell.rows(runs))
        assert [row["seed"] for row in rows] == [0, 1]


def test_no_policy_is_the_best_checkpoint_on_calibration_that_can_be_paid(runs: list[Run]) -> None:
    cell = next(one_checkpoint(runs))
    for s, run in enumerate(runs):
        best = run.calibration.right_VK[:, :3].double().mean(0).argmax().item()
        assert torch.equal(cell.right_SV[s], run.test.right_VK[:, best])


def test_the_ceilings_keep_to_the_budget_and_below_the_oracle(runs: list[Run]) -> None:
    for cell in ceilings(runs):
        assert (cell.share_SV.mean(1) <= cell.percent / 100 + 1e-9).all()
        for s, run in enumerate(runs):
            assert cell.right_SV[s].double().mean() <= run.test.replay(Oracle()).top1


def test_the_tables_have_a_line_for_every_row(runs: list[Run]) -> None:
    policies, _ = criteria(runs)
    chosen = {name: policies[name] for name in ("margin", "random_exit")}
    cells = [*one_checkpoint(runs), *measured(runs, chosen), *ceilings(runs)]
    text = "\n".join(tables("drawn", runs, chosen, {"gate": "no gate was recorded"}, cells))
    for line in ("| margin | direct |", "| random_exit | single |", "| oracle (no method) | test labels |"):
        assert line in text
    assert "gate is not there: no gate was recorded" in text
