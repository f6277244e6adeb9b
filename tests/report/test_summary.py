"""The figures of a run as values and tables."""

import io

import pytest
import torch
from rich.console import Console
from rich.table import Table
from tests.trace.traces import random_trace

from dyninf.policies import MaxProbability
from dyninf.report import checkpoint_table, comparison_table
from dyninf.report.summary import agreement, policy_figures, shown_threshold, sweep_table, trace_figures
from dyninf.trace import default_thresholds, sweep


def text_of(table: Table) -> str:
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(table)
    return console.export_text()


def test_a_trace_says_what_full_inference_and_every_checkpoint_give() -> None:
    trace = random_trace()
    figures = trace_figures(trace)
    right_VK = trace.logits_VKN.argmax(-1) == trace.label_V[:, None]
    assert figures["videos"] == 40
    assert figures["full"]["top1"] == right_VK[:, -1].double().mean().item()
    assert figures["full"]["gmacs"] == pytest.approx(4 / 3)
    assert [row["top1"] for row in figures["checkpoints"]] == right_VK.double().mean(0).tolist()
    assert [row["gmacs"] for row in figures["checkpoints"]] == pytest.approx([1 / 3, 2 / 3, 1, 4 / 3])


def test_the_shares_that_left_weigh_the_costs_to_the_mean_cost() -> None:
    trace = random_trace()
    policy = MaxProbability(0.5)
    figures = policy_figures(policy, trace.replay(policy))
    shares = torch.tensor(figures["dynamic"]["exit_share"], dtype=torch.float64)
    assert (figures["policy"], figures["threshold"]) == ("MaxProbability", 0.5)
    assert shares.sum().item() == pytest.approx(1)
    assert figures["dynamic"]["gmacs"] == pytest.approx((shares * trace.macs_K / 1e9).sum().item())


def test_agreement_counts_videos_with_the_same_label_and_checkpoint() -> None:
    trace = random_trace()
    first = trace.stop_at(torch.zeros(40, dtype=torch.long))
    mixed = trace.stop_at(torch.tensor([0] * 30 + [3] * 10))
    assert agreement(first, first) == 40
    assert agreement(first, mixed) == 30


def test_the_checkpoint_table_has_a_row_with_accuracy_share_and_cost_for_each() -> None:
    trace = random_trace()
    policy = MaxProbability(0.5)
    summary = trace_figures(trace) | policy_figures(policy, trace.replay(policy))
    table = checkpoint_table(summary)
    assert table.row_count == 4
    text = text_of(table)
    for row, share in zip(summary["checkpoints"], summary["dynamic"]["exit_share"], strict=True):
        line = next(line for line in text.splitlines() if row["name"] in line)
        for shown in (f"{row['top1']:.1%}", f"{share:.1%}", f"{row['gmacs']:.4g}"):
            assert shown in line


@pytest.mark.parametrize("threshold", [0.5, [0.2, 0.4, 0.6, 1.0]])
def test_the_comparison_table_says_the_policy_and_what_it_cost_of_full_inference(
    threshold: float | list[float],
) -> None:
    trace = random_trace()
    policy = MaxProbability(threshold)
    summary = trace_figures(trace) | policy_figures(policy, trace.replay(policy))
    text = text_of(comparison_table(summary))
    assert "MaxProbability" in text
    assert "100.0%" in text
    assert f"{summary['dynamic']['gmacs'] / summary['full']['gmacs']:.1%}" in text


def test_the_sweep_table_has_about_a_dozen_points_with_both_extremes() -> None:
    trace = random_trace(videos=200)
    curve = sweep(trace, MaxProbability(), default_thresholds(trace, MaxProbability(), 100))
    table = sweep_table(curve, "random")
    assert 6 <= table.row_count <= 12
    text = text_of(table)
    assert f"{1 / 3:.4g}" in text
    assert f"{4 / 3:.4g}" in text


def test_a_threshold_is_never_minus_nothing() -> None:
    assert shown_threshold(-1e-6) == "0.0000"
    assert shown_threshold([-1e-6, -0.25, 0.98765]) == "0.0000, -0.2500, 0.9877"
