"""Accuracy against cost, drawn."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dyninf.atomic import atomic_file
from dyninf.trace import Curve


def save_curve(path: Path, curve: Curve, summary: dict[str, Any]) -> None:
    """Write a PNG: the curve over thresholds and, from `summary`, each checkpoint for all videos, full
    inference and (if it has one) the operating point that was used; intervals where there are any.
    """
    figure = Figure(figsize=(6.4, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    points = sorted(zip((curve.macs_P / 1e9).tolist(), (100 * curve.top1_P).tolist(), strict=True))
    axes.plot(
        *zip(*points, strict=True), color="tab:blue", label="dynamic: one threshold at every checkpoint"
    )
    if curve.top1_low_P is not None and curve.top1_high_P is not None:
        order_P = curve.macs_P.argsort()
        gmacs_P, low_P, high_P = curve.macs_P / 1e9, 100 * curve.top1_low_P, 100 * curve.top1_high_P
        band = (values_P[order_P].numpy() for values_P in (gmacs_P, low_P, high_P))
        axes.fill_between(*band, color="tab:blue", alpha=0.15, linewidth=0)  # type: ignore[arg-type]
    rows = summary["checkpoints"]
    axes.errorbar(
        [row["gmacs"] for row in rows],
        [100 * row["top1"] for row in rows],
        yerr=_bars(rows) if "top1_low" in rows[0] else None,
        fmt="o",
        elinewidth=0.8,
        color="tab:gray",
        label="all videos stop at one checkpoint",
    )
    for kind, marker, color in (("full", "s", "tab:red"), ("dynamic", "*", "tab:green")):
        if kind not in summary:
            continue
        label = f"{kind}: {summary[kind]['top1']:.1%} at {summary[kind]['gmacs']:.3g} GMACs"
        axes.plot(
            summary[kind]["gmacs"],
            100 * summary[kind]["top1"],
            marker,
            markersize=11,
            color=color,
            label=label,
        )
    axes.set_title(f"{summary['network']} on {summary['split']}")
    axes.set_xlabel("mean GMACs a video")
    axes.set_ylabel("top-1 (%)")
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right", fontsize="small")
    with atomic_file(path) as new:
        figure.savefig(new, dpi=150)


def _bars(rows: Sequence[dict[str, Any]]) -> list[list[float]]:
    """How far the bounds lie below and above each top-1, in points."""
    low, high = ([abs(row[f"top1_{end}"] - row["top1"]) for row in rows] for end in ("low", "high"))
    return [[100 * bar for bar in bars] for bars in (low, high)]
