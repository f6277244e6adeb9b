"""A run's figures as values and tables: full against dynamic inference, checkpoint by checkpoint.

Legend: V videos, K checkpoints.
"""

from collections.abc import Sequence
from typing import Any

from rich.table import Table

from dyninf.policies import Outcome, Policy
from dyninf.trace import Curve, Milliseconds, Trace


def trace_figures(trace: Trace) -> dict[str, Any]:
    """What a trace says before any policy: full inference, and every checkpoint for all videos.

    Accuracies are in [0, 1], costs in GMACs a video.
    """
    names, top1_K, macs_K = (
        trace.info.checkpoints,
        trace.right_VK.double().mean(0).tolist(),
        trace.macs_K.tolist(),
    )
    return {
        "network": trace.info.network,
        "fingerprint": trace.info.fingerprint,
        "split": trace.info.split,
        "videos": len(trace.video_ids),
        "full": outcome_figures(trace.full()),
        "checkpoints": [
            {"name": name, "top1": top1, "gmacs": macs / 1e9}
            for name, top1, macs in zip(names, top1_K, macs_K, strict=True)
        ],
    }


def policy_figures(policy: Policy, outcome: Outcome) -> dict[str, Any]:
    """A policy's operating point; the order of ``exit_share`` is that of the checkpoints."""
    dynamic = outcome_figures(outcome) | {"exit_share": outcome.exit_share_K.tolist()}
    return {
        "policy": type(policy).__name__,
        "sees_labels": policy.sees_labels,
        "threshold": policy.threshold,
        "temperature": policy.temperature,
        "dynamic": dynamic,
    }


def time_figures(milliseconds: Milliseconds, exit_share: Sequence[float]) -> dict[str, Any]:
    """What a table of milliseconds says of a video; ``dynamic`` is predicted from the shares that left."""
    times = milliseconds.milliseconds
    return {
        "source": "predicted from the table of milliseconds",
        "device": milliseconds.device,
        "checkpoints": list(times),
        "full": times[-1],
        "dynamic": sum(share * time for share, time in zip(exit_share, times, strict=True)),
    }


def shown_threshold(threshold: float | Sequence[float] | None) -> str:
    """One number, or one for each checkpoint, with four digits; never minus nothing."""
    if isinstance(threshold, Sequence):
        return ", ".join(map(_four_digits, threshold))
    return _four_digits(threshold) if isinstance(threshold, float) else str(threshold)


def _four_digits(number: float) -> str:
    return f"{round(number, 4) + 0.0:.4f}"


def agreement(left: Outcome, replayed: Outcome) -> int:
    """For how many videos leaving for real and replaying the trace give the same label and checkpoint."""
    same_V = (left.checkpoint_V == replayed.checkpoint_V) & (left.predicted_V == replayed.predicted_V)
    return int(same_V.sum())


def outcome_figures(outcome: Outcome) -> dict[str, float]:
    """Accuracies in [0, 1], GMACs a video."""
    return {"top1": outcome.top1, "top5": outcome.top5, "gmacs": outcome.mean_macs / 1e9}


def checkpoint_table(summary: dict[str, Any]) -> Table:
    """One row a checkpoint: accuracy if all videos stopped there, share that left there, cumulative cost.

    With temperature scaling also the expected calibration error before and after.
    """
    left_out = f", {summary['left_out']} left out" if summary.get("left_out") else ""
    table = Table(title=f"{summary['network']} on {summary['split']} ({summary['videos']} videos{left_out})")
    is_scaled = "ece_scaled" in summary["checkpoints"][0]
    errors = ["ECE, scaled"] if is_scaled else []
    for column in ("checkpoint", "top-1 there", "share that left", "GMACs", *errors):
        table.add_column(column, justify="left" if column == "checkpoint" else "right")
    for row, share in zip(summary["checkpoints"], summary["dynamic"]["exit_share"], strict=True):
        errors = [f"{row['ece']:.1%} → {row['ece_scaled']:.1%}"] if is_scaled else []
        table.add_row(row["name"], f"{row['top1']:.1%}", f"{share:.1%}", f"{row['gmacs']:.4g}", *errors)
    return table


def comparison_table(summary: dict[str, Any]) -> Table:
    """Dynamic against full inference."""
    note = " (sees the labels: a bound, no method)" if summary["sees_labels"] else ""
    table = Table(title=f"{summary['policy']}{note}, threshold {shown_threshold(summary['threshold'])}")
    times = summary.get("milliseconds")
    more = ["ms, predicted"] if times else []
    for column in ("inference", "top-1", "top-5", "GMACs a video", "of full", *more):
        table.add_column(column, justify="left" if column == "inference" else "right")
    for kind in ("full", "dynamic"):
        row = summary[kind]
        table.add_row(
            kind,
            f"{row['top1']:.1%}",
            f"{row['top5']:.1%}",
            f"{row['gmacs']:.4g}",
            f"{row['gmacs'] / summary['full']['gmacs']:.1%}",
            *([f"{times[kind]:.4g}"] if times else []),
        )
    return table


def sweep_table(curve: Curve, title: str, points: int = 12) -> Table:
    """About a dozen operating points of a curve, evenly spread over its costs."""
    table = Table(title=title)
    for column in ("threshold", "top-1", "top-5", "GMACs a video"):
        table.add_column(column, justify="right")
    rows = sorted(curve.rows(), key=lambda row: row[3])
    wanted = [rows[0][3] + (rows[-1][3] - rows[0][3]) * i / (points - 1) for i in range(points)]
    nearest = {min(range(len(rows)), key=lambda i: abs(rows[i][3] - cost)) for cost in wanted}
    for i in sorted(nearest):
        threshold, top1, top5, gmacs = rows[i][:4]
        table.add_row(f"{threshold:.4f}", f"{top1:.1%}", f"{top5:.1%}", f"{gmacs:.4g}")
    return table
