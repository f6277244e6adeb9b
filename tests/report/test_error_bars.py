"""Error bars for a run's figures, and the tables beside its curve."""

import csv
from pathlib import Path

import pytest
from tests.trace.traces import random_trace

from dyninf.policies import MaxProbability
from dyninf.report import add_error_bars, save_curve
from dyninf.report.error_bars import shown_difference
from dyninf.report.summary import policy_figures, trace_figures
from dyninf.trace import Curve, Trace, default_thresholds, sweep


def reported(trace: Trace, output: Path, threshold: float | None = 0.6) -> tuple[dict, Curve]:
    """A trace's summary and curve with error bars."""
    policy, outcome = MaxProbability(threshold), None
    summary = trace_figures(trace)
    if threshold is not None:
        outcome = trace.replay(policy)
        summary |= policy_figures(policy, outcome)
    curve = sweep(trace, policy, default_thresholds(trace, policy, 20))
    return add_error_bars(summary, curve, trace, policy, output, outcome, random_trace(seed=5))


def table(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_every_figure_lies_in_its_interval(tmp_path: Path) -> None:
    trace = random_trace(150)
    summary, curve = reported(trace, tmp_path)
    for row in [*summary["checkpoints"], summary["full"], summary["dynamic"], summary["dynamic_less_full"]]:
        assert row["top1_low"] < row["top1"] < row["top1_high"]
    assert summary["full"]["gmacs_low"] == pytest.approx(summary["full"]["gmacs"])
    assert summary["dynamic"]["gmacs_low"] < summary["dynamic"]["gmacs"] < summary["dynamic"]["gmacs_high"]
    for kind in ("dynamic", "anytime"):
        assert summary["area"][f"{kind}_low"] < summary["area"][kind] < summary["area"][f"{kind}_high"]
    assert (curve.top1_low_P <= curve.top1_P).all()
    assert (curve.top1_P <= curve.top1_high_P).all()
    assert summary["intervals"] == {"over": "videos", "level": 0.95, "resamples": 1000}


def test_what_the_summary_said_before_is_still_there(tmp_path: Path) -> None:
    trace = random_trace(60)
    policy = MaxProbability(0.6)
    before = trace_figures(trace) | policy_figures(policy, trace.replay(policy))
    summary, _ = reported(trace, tmp_path)
    assert {key: summary[key] for key in ("network", "split", "videos", "policy", "threshold")} == {
        key: before[key] for key in ("network", "split", "videos", "policy", "threshold")
    }
    for kind in ("full", "dynamic"):
        assert {key: summary[kind][key] for key in before[kind]} == before[kind]
    for row, was in zip(summary["checkpoints"], before["checkpoints"], strict=True):
        assert row["name"] == was["name"]
        assert (row["top1"], row["gmacs"]) == pytest.approx((was["top1"], was["gmacs"]))


def test_the_tables_have_a_row_for_each_checkpoint_budget_and_class(tmp_path: Path) -> None:
    trace = random_trace(100)
    summary, _ = reported(trace, tmp_path)
    assert [row["name"] for row in table(tmp_path / "anytime.csv")] == list(trace.info.checkpoints)
    budgets = [float(row["budget_gmacs"]) for row in table(tmp_path / "budgeted.csv")]
    assert budgets == pytest.approx([4 / 3 * percent / 100 for percent in range(30, 101, 10)])
    classes = {row["class"]: float(row["gmacs"]) for row in table(tmp_path / "classes.csv")}
    assert list(classes) == list(trace.info.classes)
    assert summary["hard_classes"]["cost_most"][0] == max(classes, key=lambda name: classes[name])


def test_without_an_operating_point_there_is_nothing_to_compare(tmp_path: Path) -> None:
    summary, _ = reported(random_trace(50), tmp_path, threshold=None)
    assert not {"dynamic", "dynamic_less_full", "hard_classes"} & summary.keys()
    assert not (tmp_path / "classes.csv").exists()


def test_full_inference_differs_from_itself_by_nothing(tmp_path: Path) -> None:
    summary, _ = reported(random_trace(50), tmp_path, threshold=2.0)
    assert shown_difference(summary) == (
        "dynamic less full: +0.0 points of top-1, 95% interval +0.0 to +0.0; 0 videos gained, 0 lost "
        "(McNemar p = 1)"
    )
    assert {key: summary["dynamic"][key] for key in summary["full"]} == summary["full"]


@pytest.mark.parametrize("checkpoints", [1, 4])
def test_the_band_is_drawn(checkpoints: int, tmp_path: Path) -> None:
    trace, policy = random_trace(50, checkpoints=checkpoints), MaxProbability()
    bare, before = sweep(trace, policy, default_thresholds(trace, policy, 20)), trace_figures(trace)
    summary, curve = add_error_bars(before, bare, trace, policy, tmp_path)
    save_curve(tmp_path / "with.png", curve, summary)
    save_curve(tmp_path / "without.png", bare, before)
    assert (tmp_path / "with.png").read_bytes() != (tmp_path / "without.png").read_bytes()
