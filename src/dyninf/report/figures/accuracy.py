"""``accuracy`` and ``accuracy_ms``: accuracy against cost of all runs, a panel a data set.

Legend: P operating points, K checkpoints.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter
from torch import Tensor

from dyninf.report.figures.curves import (
    curve_label,
    draw_checkpoints,
    draw_curve,
    draw_front,
    draw_points,
    finish,
    network_on_split,
    panel_title,
)
from dyninf.report.figures.style import (
    COLUMN,
    GMACS,
    GRAY,
    PAGE,
    color,
    legend_outside,
    line,
    marker,
    panels,
    shown,
    styled,
)
from dyninf.report.published import PublishedPoint
from dyninf.split_name import SplitName
from dyninf.trace import Curve

MOST_NAMED = 14
"""Runs with a look and an entry of their own; operating points of the others are gray."""
MOST_BANDS = 6
"""Curves of a panel with their bands; those of more would hide each other."""


@dataclass(frozen=True, eq=False)
class Drawn:
    """What accuracy figures need of a run.

    curves: by the policy's name; those in `bounds` see the labels. level: of their bands.
    """

    name: str
    summary: Mapping[str, Any]
    curves: Mapping[str, Curve]
    bounds: frozenset[str] = frozenset()
    level: float = 0.95

    @property
    def milliseconds(self) -> Mapping[str, Any] | None:
        found: Mapping[str, Any] | None = self.summary.get("milliseconds")
        return found

    def cost_P(self, curve: Curve, in_time: bool) -> Tensor:
        """Mean GMACs or milliseconds of the points of a curve."""
        if not in_time:
            return curve.macs_P / 1e9
        assert self.milliseconds is not None
        time_K = torch.tensor(self.milliseconds["checkpoints"], dtype=torch.float64)
        return curve.exit_share_PK.double() @ time_K

    def place(self, kind: str, in_time: bool) -> tuple[float, float]:
        """Cost and top-1 in percent of ``full`` or ``dynamic``."""
        costs = self.milliseconds if in_time else None
        cost = self.summary[kind]["gmacs"] if costs is None else costs[kind]
        return float(cost), 100 * float(self.summary[kind]["top1"])


@styled()
def accuracy_figure(
    runs: Sequence[Drawn], published: Sequence[PublishedPoint] = (), in_time: bool = False
) -> Figure | None:
    """Accuracy against mean GMACs, or milliseconds of the runs that have them; None where none has.

    A run alone in its panel is shown with all its curves and its checkpoints, runs beside each other with one
    curve each. Published points join the panel of their data set; they have no milliseconds.
    """
    groups: dict[tuple[str, str], list[Drawn]] = {}
    for run in runs:
        times = run.milliseconds
        if not in_time or times is not None:
            device = str(times["device"]) if in_time and times is not None else ""
            groups.setdefault((str(run.summary["split"]), device), []).append(run)
    if not groups:
        return None
    splits = [split for split, _ in groups]
    beside = [] if in_time else [_published_on(split, published) for split in splits]
    wide = len(groups) > 1 or any(beside)
    figure, grid = panels(len(groups), PAGE if wide else COLUMN, 2.5, columns=2)
    is_alone = len(runs) == 1
    named = {run: i for i, run in enumerate(_best_first(runs)[:MOST_NAMED])}
    entries: list[tuple[Artist, str]] = []
    fronts: list[tuple[Artist, str]] = []
    for axes, (split, device), group in zip(grid, groups, groups.values(), strict=True):
        if is_alone:
            figure.suptitle(network_on_split(group[0].summary))
            entries += _draw_one(axes, group[0], in_time)
        else:
            axes.set_title(panel_title(split, splits))
            entries += _draw_each(axes, group, named, in_time)
            fronts += draw_front(axes, _operating_points(group, in_time))
        finish(axes, f"mean ms a video, {shown(device, 32)}" if in_time else GMACS)
    if not is_alone:
        entries += [*_shapes(runs), *fronts[:1]]
    for axes, points in zip(grid, beside, strict=False):
        entries += _draw_published(axes, points)
    sources = dict.fromkeys(point.source for points in beside for point in points)
    legend_outside(figure, entries, title="; ".join(f"×: {shown(source, 100)}" for source in sources))
    return figure


def _draw_one(axes: Axes, run: Drawn, in_time: bool) -> list[tuple[Artist, str]]:
    """All curves of one run, its checkpoints and points."""
    entries: list[tuple[Artist, str]] = []
    for i, (name, curve) in enumerate(run.curves.items()):
        bound = name in run.bounds
        drawn = draw_curve(axes, curve, run.cost_P(curve, in_time), (0, 3, 4, 5, 6)[i % 5], bound)
        entries.append((drawn, f"{curve_label(name, bound)}, {run.level:.0%} band"))
    times = run.milliseconds if in_time else None
    cost_K = None if times is None else times["checkpoints"]
    checkpoints = draw_checkpoints(axes, run.summary["checkpoints"], cost_K)
    entries.append((checkpoints, "all videos stop at one checkpoint"))
    return entries + draw_points(axes, run.summary, times, "ms" if in_time else "GMACs")


def _draw_each(
    axes: Axes, runs: Sequence[Drawn], named: Mapping[Drawn, int], in_time: bool
) -> list[tuple[Artist, str]]:
    """One curve a run with its operating point, filled, and full inference, hollow."""
    entries: list[tuple[Artist, str]] = []
    others: list[Artist] = []
    for run in runs:
        if run not in named:
            place = run.place("dynamic" if "dynamic" in run.summary else "full", in_time)
            others += axes.plot(*place, ".", color=GRAY, zorder=2)
            continue
        i = named[run]
        for name, curve in [*run.curves.items()][:1]:
            cost_P = run.cost_P(curve, in_time)
            draw_curve(axes, curve, cost_P, i, name in run.bounds, band=len(runs) <= MOST_BANDS)
        look: dict[str, Any] = {"marker": marker(i), "color": color(i), "zorder": 3}
        axes.plot(*run.place("full", in_time), markerfacecolor="white", **look)
        if "dynamic" in run.summary:
            axes.plot(*run.place("dynamic", in_time), **look)
        entries.append((Line2D([], [], **line(i), marker=marker(i)), shown(run.name, 40)))
    if others:
        entries.append((others[0], f"{len(others)} further runs"))
    return entries


def _operating_points(runs: Sequence[Drawn], in_time: bool) -> list[tuple[float, float]]:
    """Places of those that may win, which one that sees the labels must not."""
    able = [run for run in runs if "dynamic" in run.summary and not run.summary.get("sees_labels")]
    return [run.place("dynamic", in_time) for run in able]


def _shapes(runs: Sequence[Drawn]) -> list[tuple[Artist, str]]:
    """What filled and hollow marks are."""
    look: dict[str, Any] = {"marker": "o", "color": GRAY, "linestyle": ""}
    hollow = (Line2D([], [], **look, markerfacecolor="white"), "full inference")
    filled = (Line2D([], [], **look), "operating point")
    return [filled, hollow] if any("dynamic" in run.summary for run in runs) else [hollow]


def _published_on(split: str, published: Sequence[PublishedPoint]) -> list[PublishedPoint]:
    """Points on the data set of a split."""
    return [point for point in published if _plain(point.dataset) == _plain(SplitName.of(split).data_set)]


def _draw_published(axes: Axes, points: Sequence[PublishedPoint]) -> list[tuple[Artist, str]]:
    """Numbered crosses, black for rows of the source itself, gray for what it quotes; named in the legend."""
    entries: list[tuple[Artist, str]] = []
    for number, point in enumerate(points, 1):
        place = point.gmacs, 100 * point.top1
        (drawn,) = axes.plot(*place, "x", color="black" if point.own else GRAY, markersize=3.5, zorder=2)
        axes.annotate(str(number), place, (2, 2), textcoords="offset points", fontsize=5.5)
        names = [name for name in (point.system, point.backbone) if name != "-"]
        entries.append((drawn, f"{number} {shown(', '.join(names), 44)}"))
    if points and axes.dataLim.x1 > 30 * axes.dataLim.minposx:
        axes.set_xscale("log")
        axes.autoscale(axis="x")  # 0 is no end of it any more
        axes.xaxis.set_major_formatter("{x:g}")  # not as a power, which would need mathtext
        axes.xaxis.set_minor_formatter(NullFormatter())
    return entries


def _plain(name: str) -> str:
    """A data set's name as its config and as papers write it: kinetics400 is Kinetics-400."""
    plain = "".join(one for one in name.lower() if one.isalnum())
    return plain.replace("somethingsomething", "something")


def _best_first(runs: Sequence[Drawn]) -> list[Drawn]:
    """Runs in their order; where they are too many, those of the highest accuracy come first."""
    if len(runs) <= MOST_NAMED:
        return list(runs)
    kinds = ["dynamic" if "dynamic" in run.summary else "full" for run in runs]
    ranked = sorted(zip(runs, kinds, strict=True), key=lambda one: -one[0].summary[one[1]]["top1"])
    return [run for run, _ in ranked]
