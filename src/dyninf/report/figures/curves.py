"""Accuracy against cost: how a curve, its band and points are drawn; ``curve.png`` and ``curves.png``.

Legend: P operating points, K checkpoints.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.artist import Artist
from matplotlib.axes import Axes
from torch import Tensor

from dyninf.report.figures.style import (
    COLUMN,
    GMACS,
    GRAY,
    TOP1,
    color,
    legend_outside,
    line,
    panels,
    save_as,
    shown,
    styled,
)
from dyninf.split_name import SplitName
from dyninf.trace import Curve, Trace


@styled()
def save_curve(path: Path, curve: Curve, summary: Mapping[str, Any]) -> None:
    """Write a figure: the curve over thresholds and, from `summary`, each checkpoint for all videos, full
    inference and (if it has one) the operating point that was used; intervals where there are any.
    """
    figure, (axes,) = panels(1, COLUMN, 2.5)
    entries = [
        (draw_curve(axes, curve, curve.macs_P / 1e9, 0), "dynamic: one threshold at every checkpoint"),
        (draw_checkpoints(axes, summary["checkpoints"]), "all videos stop at one checkpoint"),
        *draw_points(axes, summary),
    ]
    figure.suptitle(network_on_split(summary))
    finish(axes)
    legend_outside(figure, entries)
    save_as(figure, path)


@styled()
def save_curves(
    path: Path, curves: Mapping[str, Curve], bounds: Collection[str], summary: Mapping[str, Any]
) -> None:
    """Write a figure: one curve a policy, thin for `bounds`, which are no methods; and full inference."""
    figure, (axes,) = panels(1, COLUMN, 2.5)
    entries = []
    for i, (name, curve) in enumerate(curves.items()):
        drawn = draw_curve(axes, curve, curve.macs_P / 1e9, i, bound=name in bounds)
        entries.append((drawn, curve_label(name, name in bounds)))
    entries += draw_points(axes, summary, kinds=("full",))
    figure.suptitle(network_on_split(summary))
    finish(axes)
    legend_outside(figure, entries)
    save_as(figure, path)


def draw_curve(
    axes: Axes, curve: Curve, cost_P: Tensor, i: int, bound: bool = False, band: bool = True
) -> Artist:
    """The i-th curve over its costs, with a band where it has one and `band` says so."""
    order_P = cost_P.argsort()
    cost_P, top1_P = cost_P[order_P], 100 * curve.top1_P[order_P]
    (drawn,) = axes.plot(cost_P.numpy(), top1_P.numpy(), **line(i), linewidth=0.7 if bound else 1.2)
    if band and curve.top1_low_P is not None and curve.top1_high_P is not None:
        low_P, high_P = 100 * curve.top1_low_P[order_P], 100 * curve.top1_high_P[order_P]
        edges = (values_P.numpy() for values_P in (cost_P, low_P, high_P))
        axes.fill_between(*edges, color=color(i), alpha=0.15, linewidth=0)  # type: ignore[arg-type]
    return drawn


def curve_label(policy: str, bound: bool) -> str:
    """What a policy's curve is called."""
    return f"{shown(policy)} (sees the labels)" if bound else shown(policy)


def draw_checkpoints(
    axes: Axes, rows: Sequence[Mapping[str, Any]], cost_K: Sequence[float] | None = None
) -> Artist:
    """Top-1 of each checkpoint for all videos, with intervals where there are any; at GMACs or `cost_K`."""
    return axes.errorbar(
        [row["gmacs"] for row in rows] if cost_K is None else cost_K,
        [100 * row["top1"] for row in rows],
        yerr=_bars(rows) if "top1_low" in rows[0] else None,
        fmt="o",
        markersize=3,
        elinewidth=0.6,
        color=GRAY,
    )  # type: ignore[return-value]  # a container, which legends take like an artist


def draw_points(
    axes: Axes,
    summary: Mapping[str, Any],
    costs: Mapping[str, float] | None = None,
    unit: str = "GMACs",
    kinds: Sequence[str] = ("full", "dynamic"),
) -> list[tuple[Artist, str]]:
    """Full inference and the operating point of one run, at their GMACs or `costs`; entries of a legend."""
    entries: list[tuple[Artist, str]] = []
    looks: dict[str, dict[str, Any]] = {
        "full": {"marker": "s", "color": color(1), "markersize": 6, "markerfacecolor": "none", "mew": 1.3},
        "dynamic": {"marker": "*", "color": color(2), "markersize": 9, "mec": "white", "mew": 0.4},
    }
    for kind in kinds:
        if kind not in summary:
            continue
        cost, top1 = summary[kind]["gmacs"] if costs is None else costs[kind], summary[kind]["top1"]
        (drawn,) = axes.plot(cost, 100 * top1, linestyle="", zorder=4, **looks[kind])
        entries.append((drawn, f"{kind}: {top1:.1%} at {cost:.3g} {unit}"))
    return entries


def draw_front(axes: Axes, points: Sequence[tuple[float, float]]) -> list[tuple[Artist, str]]:
    """Points of cost and accuracy (%) that no other one beats, joined by steps; an entry of a legend."""
    best = [
        one
        for one in sorted(set(points))
        if not any(other != one and other[0] <= one[0] and other[1] >= one[1] for other in points)
    ]
    if len(best) < 2:
        return []
    (drawn,) = axes.step(*zip(*best, strict=True), where="post", color="black", linewidth=0.6, zorder=1)
    return [(drawn, "Pareto-optimal")]


def finish(axes: Axes, xlabel: str = GMACS) -> None:
    """Units, and an axis of costs that begins at 0."""
    axes.set_xlabel(xlabel)
    axes.set_ylabel(TOP1)
    if axes.get_xscale() == "linear":
        axes.set_xlim(left=0)
    axes.grid()


def network_on_split(of: Trace | Mapping[str, Any]) -> str:
    """A title: what a trace or a summary is of."""
    network, split = (
        (of.info.network, of.info.split) if isinstance(of, Trace) else (of["network"], of["split"])
    )
    return shown(f"{network} on {data_set(split)}", 50)


def panel_title(split: str, splits: Sequence[str]) -> str:
    """A split among others, with the fingerprint of its videos only if another has the same name."""
    short = data_set(split)
    return shown(short if [data_set(one) for one in {*splits}].count(short) == 1 else split, 44)


def data_set(split: str) -> str:
    """A split without the fingerprint of its videos."""
    return str(SplitName.of(split)._replace(fingerprint=""))


def _bars(rows: Sequence[Mapping[str, Any]]) -> list[list[float]]:
    """How far the bounds lie below and above each top-1, in points."""
    low, high = ([abs(row[f"top1_{end}"] - row["top1"]) for row in rows] for end in ("low", "high"))
    return [[100 * bar for bar in bars] for bars in (low, high)]
