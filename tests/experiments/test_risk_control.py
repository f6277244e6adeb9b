"""A small version of the simulation, and what the committed one says."""

import csv
import math
from pathlib import Path

import pytest
from experiments.risk_control.run import ERRORS, HERE, edges, recorded_populations, simulate, slope, tables
from tests.trace.traces import random_trace

SETS = 300


def largest(error: float, sets: int) -> float:
    """The error probability and four standard deviations of its share of `sets`."""
    return error + 4 * math.sqrt(error * (1 - error) / sets)


@pytest.mark.parametrize("place", [0, 1, 2])
@pytest.mark.parametrize("risk", ["accuracy", "disagreement"])
def test_at_the_edge_a_promise_is_broken_as_seldom_as_it_says(place: int, risk: str) -> None:
    population = list(edges(0.05))[place]
    if risk not in population.loss:
        assert place > 0
        return
    rows = simulate(population, risk, [0.05], videos=200, sets=SETS)
    plain, *certified = rows
    assert plain["broken"] > 0.3  # without a guarantee about half of the sets break it
    for row, error in zip(certified, ERRORS, strict=True):
        assert row["broken"] <= largest(error, SETS)
        assert row["full"] == pytest.approx(1 - row["broken"], abs=1e-3)


def test_losses_that_grow_steadily_leave_room_for_early_exits() -> None:
    plain, *certified = simulate(slope(5000), "accuracy", [0.02], videos=800, sets=SETS)
    assert plain["broken"] > 0.3
    for row, error in zip(certified, ERRORS, strict=True):
        assert row["broken"] <= largest(error, SETS)
        assert plain["cost"] < row["cost"] < 1


def test_recorded_populations_are_the_pooled_splits_of_networks_with_several_checkpoints(
    tmp_path: Path,
) -> None:
    for name, checkpoints in (("a", 4), ("b", 4), ("c", 1)):
        for split in ("calibration", "test"):
            random_trace(30, checkpoints).save(tmp_path / name / "trace" / split)
    [population] = recorded_populations(tmp_path)
    assert population.scores_MK.shape == (120, 4)
    with pytest.raises(SystemExit, match="no traces of more than one checkpoint below"):
        list(recorded_populations(tmp_path / "c"))


def test_the_committed_results_keep_every_promise_and_their_tables_are_theirs() -> None:
    with open(HERE / "results.csv", newline="") as file:
        rows: list[dict[str, object]] = list(csv.DictReader(file))
    for row in rows:
        for key in ("limit", "broken", "cost", "full"):
            row[key] = float(row[key])
        row["videos"], row["sets"] = int(row["videos"]), int(row["sets"])
        if row["error"] != "none":
            row["error"] = float(row["error"])
            assert row["sets"] == 1000
            assert row["broken"] <= largest(row["error"], 1000), row
    assert "\n".join(tables(rows, 1000)) + "\n" == (HERE / "tables.md").read_text()
