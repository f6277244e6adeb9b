"""``runs.png``: collected runs, each a point of accuracy against cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.artist import Artist
from matplotlib.lines import Line2D

from dyninf.report.figures.curves import draw_front, finish, panel_title
from dyninf.report.figures.style import (
    COLUMN,
    PAGE,
    color,
    legend_outside,
    marker,
    panels,
    save_as,
    shown,
    styled,
)


@styled()
def save_runs(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a figure of collected runs, a panel a data set: a mark each, Pareto-optimal ones joined."""
    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    networks = list(dict.fromkeys((row["backbone"], row["scheme"]) for row in rows))
    figure, grid = panels(len(datasets), COLUMN if len(datasets) == 1 else PAGE, 2.5, columns=2)
    fronts: list[tuple[Artist, str]] = []
    for axes, dataset in zip(grid, datasets, strict=True):
        here = [row for row in rows if row["dataset"] == dataset]
        for row in here:
            i = networks.index((row["backbone"], row["scheme"]))
            axes.plot(*_place(row), marker(i), color=color(i), alpha=0.85)
        fronts += draw_front(axes, [_place(row) for row in here if row["pareto"]])
        axes.set_title(panel_title(dataset, datasets))
        finish(axes)
    marks = [Line2D([], [], marker=marker(i), color=color(i), linestyle="") for i in range(len(networks))]
    names = [shown(f"{backbone} {scheme}", 40) for backbone, scheme in networks]
    legend_outside(figure, [*zip(marks, names, strict=True), *fronts[:1]])
    save_as(figure, path)


def _place(row: Mapping[str, Any]) -> tuple[float, float]:
    return row["gmacs_dynamic"], 100 * row["top1_dynamic"]
