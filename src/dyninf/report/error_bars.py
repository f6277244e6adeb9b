"""Error bars for a run's figures, and the tables that go with its curve.

Legend: V videos, K checkpoints.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from dyninf.atomic import atomic_file
from dyninf.policies import Outcome, Policy
from dyninf.trace import (
    Curve,
    Promise,
    Resampling,
    Trace,
    anytime,
    anytime_area,
    budgeted,
    by_class,
    compare,
    hard_classes,
    with_band,
)


def add_error_bars(
    summary: Mapping[str, Any],
    curve: Curve,
    trace: Trace,
    policy: Policy,
    output: Path,
    outcome: Outcome | None = None,
    calibration: Trace | None = None,
    promise: Promise | None = None,
    resampling: Resampling | None = None,
) -> tuple[dict[str, Any], Curve]:
    """A summary and its curve with intervals over the videos; writes ``anytime.csv`` and what else there is.

    summary, curve: of `policy` on `trace`; with `outcome`, what it did, they have it as ``dynamic``, and are
        compared with full inference, video by video, and class by class (``classes.csv``).
    calibration: with this trace thresholds are chosen for a range of budgets with `promise`'s solver
        (``budgeted.csv``).
    """
    resampling = resampling or Resampling()
    curve, dynamic_area = with_band(curve, trace, policy, resampling)
    points = anytime(trace, resampling)
    _write(output / "anytime.csv", points)
    full = trace.full()
    more: dict[str, Any] = {
        "intervals": {"over": "videos", "level": resampling.level, "resamples": resampling.resamples},
        "checkpoints": points,
        "full": summary["full"] | _bars(full, trace, resampling),
        "area": dynamic_area.named("dynamic") | anytime_area(trace, resampling).named("anytime"),
    }
    if outcome is not None:
        classes = by_class(trace, outcome, resampling)
        _write(output / "classes.csv", [one.row() for one in classes])
        change = compare(_right(outcome, trace), _right(full, trace), resampling)
        more |= {
            "dynamic": summary["dynamic"] | _bars(outcome, trace, resampling),
            "dynamic_less_full": change.figures(),
            "hard_classes": hard_classes(classes),
        }
    if calibration is not None:
        rows = budgeted(calibration, trace, policy, promise, resampling=resampling)
        _write(output / "budgeted.csv", rows)
    return {**summary, **more}, curve


def shown_difference(summary: Mapping[str, Any]) -> str:
    """Dynamic less full inference, in one line."""
    change, level = summary["dynamic_less_full"], summary["intervals"]["level"]
    return (
        f"dynamic less full: {100 * change['top1']:+.1f} points of top-1, {level:.0%} interval "
        f"{100 * change['top1_low']:+.1f} to {100 * change['top1_high']:+.1f}; {change['gained']} videos "
        f"gained, {change['lost']} lost (McNemar p = {change['p_value']:.2g})"
    )


def _bars(outcome: Outcome, trace: Trace, resampling: Resampling) -> dict[str, float]:
    top1 = resampling.mean(_right(outcome, trace)).named("top1")
    gmacs = resampling.mean(trace.macs_K[outcome.checkpoint_V] / 1e9).named("gmacs")
    return {key: value for key, value in (top1 | gmacs).items() if key not in ("top1", "gmacs")}


def _right(outcome: Outcome, trace: Trace) -> Tensor:
    return outcome.predicted_V == trace.label_V


def _write(path: Path, rows: Sequence[Mapping[str, object]]) -> None:
    with atomic_file(path) as new, open(new, "w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
