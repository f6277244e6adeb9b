"""Several policies on one trace, in one table and one figure."""

import csv
from pathlib import Path

import pytest
import torch
from tests.policies.criteria import CRITERIA
from tests.report.test_sweep_report import other_split
from tests.trace.traces import random_trace
from torch import Tensor

from dyninf.policies import Evidence, LogitsNotFiniteError, MaxProbability, Policy
from dyninf.report import report_policies
from dyninf.trace import Promise, sweep


class NeedsFeatures(Policy):
    """Decides from what a trace of logits does not have."""

    def scores(self, evidence: Evidence) -> Tensor:
        raise ValueError("NeedsFeatures needs features, which this trace was recorded without")


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_every_policy_has_its_curve_and_a_row(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    trace = random_trace(100, gates=True)
    report_policies(trace, CRITERIA, tmp_path, points=50)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["curves.csv", "curves.png", "policies.csv"]
    assert [row["policy"] for row in rows_of(tmp_path / "policies.csv")] == [*CRITERIA]
    points = rows_of(tmp_path / "curves.csv")
    for name, policy in CRITERIA.items():
        expected = sweep(trace, policy, 50)
        found = [float(row["gmacs"]) for row in points if row["policy"] == name]
        assert found == (expected.macs_P / 1e9).tolist()
    said = capsys.readouterr().out
    assert "a bound" in said
    assert "threshold chosen" not in said


def test_a_row_has_the_best_accuracy_for_a_share_of_the_full_cost(tmp_path: Path) -> None:
    trace = random_trace(100)
    report_policies(trace, {"max_probability": MaxProbability()}, tmp_path, points=50)
    [row] = rows_of(tmp_path / "policies.csv")
    curve = sweep(trace, MaxProbability(), 50)
    for share in (0.25, 0.5, 1.0):
        affordable = curve.top1_P[curve.macs_P <= share * trace.macs_K[-1]]
        assert float(row[f"top1_at_{share:.0%}"]) == affordable.max()


def test_a_share_below_the_first_checkpoint_has_no_accuracy(tmp_path: Path) -> None:
    report_policies(random_trace(20, checkpoints=1), {"max_probability": MaxProbability()}, tmp_path)
    [row] = rows_of(tmp_path / "policies.csv")
    assert row["top1_at_25%"] == ""


def test_operating_points_are_chosen_on_calibration_for_each_policy(tmp_path: Path) -> None:
    trace = random_trace()
    promise = Promise(budget="60%", solver="direct")
    report_policies(trace, CRITERIA, tmp_path, other_split(trace, 1), promise)
    for row in rows_of(tmp_path / "policies.csv"):
        assert len(row["threshold"].split(", ")) == 3
        assert 0 < float(row["share_of_full"]) <= 1


def test_a_policy_that_cannot_be_replayed_is_left_out_with_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    curves = report_policies(random_trace(), {"gate": NeedsFeatures(), "max": MaxProbability()}, tmp_path)
    assert [*curves] == ["max"]
    assert "gate is left out: NeedsFeatures needs features" in capsys.readouterr().out


def test_nothing_is_written_if_no_policy_can_be_replayed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="none of gate can be replayed on random/test"):
        report_policies(random_trace(), {"gate": NeedsFeatures()}, tmp_path)
    trace = random_trace()
    trace.logits_VKN[3, 0, 0] = torch.nan
    with pytest.raises(LogitsNotFiniteError):
        report_policies(trace, CRITERIA, tmp_path)
    assert list(tmp_path.iterdir()) == []
