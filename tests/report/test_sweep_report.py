"""From a trace to its curve and an operating point."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.trace.traces import random_trace

from dyninf.policies import MaxProbability
from dyninf.report import report_sweep
from dyninf.trace import Promise, Trace


def other_split(trace: Trace, seed: int) -> Trace:
    """Another trace of the same network."""
    drawn = random_trace(seed=seed)
    return replace(drawn, info=replace(trace.info, split="random/calibration"))


def test_the_operating_point_that_is_reported_was_chosen_on_calibration(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trace = random_trace()
    curve = report_sweep(
        trace, MaxProbability(), tmp_path, other_split(trace, 1), Promise(max_drop=0.1), points=30
    )
    assert len(curve.threshold_P) == 30
    tables = ["anytime.csv", "budgeted.csv", "classes.csv"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *tables,
        "curve.csv",
        "curve.png",
        "policy.json",
    ]
    said = capsys.readouterr().out
    assert "of full" in said
    assert "McNemar" in said


def test_without_calibration_and_threshold_there_is_no_operating_point(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report_sweep(random_trace(), MaxProbability(), tmp_path)
    assert "of full" not in capsys.readouterr().out
    assert sorted(path.name for path in tmp_path.iterdir()) == ["anytime.csv", "curve.csv", "curve.png"]


def test_calibration_of_another_network_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    trace = random_trace()
    stranger = replace(other_split(trace, 1), info=replace(trace.info, fingerprint="f" * 16))
    with pytest.raises(ValueError, match="another network"):
        report_sweep(trace, MaxProbability(), tmp_path, stranger)
    assert list(tmp_path.iterdir()) == []


def test_calibration_on_the_reported_split_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    trace = random_trace()
    with pytest.raises(ValueError, match="random/test"):
        report_sweep(trace, MaxProbability(), tmp_path, trace)
    assert list(tmp_path.iterdir()) == []
