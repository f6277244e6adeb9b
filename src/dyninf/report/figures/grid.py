"""``grid``: the cells of a network, what they cost, and how many videos get that far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from dyninf.report.figures.style import COLUMN, PAGE, SEQUENTIAL, panels, shown, styled


def computed_shares(grid: Mapping[str, Any], exit_share: Sequence[float]) -> list[float]:
    """The share in [0, 1] of the videos that compute each cell, in the order of the route."""
    left = {
        (place["group"], place["stage"]): share
        for place, share in zip(grid["checkpoints"], exit_share, strict=True)
    }
    shares, still_there = [], 1.0
    for cell in grid["cells"]:
        shares.append(max(still_there, 0.0))
        still_there -= left.get((cell["group"], cell["stage"]), 0.0)
    return shares


@styled()
def grid_figure(summary: Mapping[str, Any]) -> Figure:
    """Frames across, stages down, as ``summary["grid"]`` has them.

    A cell has its GMACs, and as its colour the share of the videos that compute it; ✓ is a checkpoint, with
    the share that leaves there. Without an operating point all videos compute all cells.
    """
    grid = summary["grid"]
    groups, stages = grid["groups"], grid["stages"]
    exit_share = summary["dynamic"]["exit_share"] if "dynamic" in summary else None
    shares = computed_shares(grid, exit_share) if exit_share else [1.0] * len(grid["cells"])
    width = COLUMN if len(groups) <= 5 else PAGE
    figure, (axes,) = panels(1, width, 0.75 + 0.42 * max(len(stages), 4))
    sizes = min(7.0, 72 * (width - 1.2) / len(groups) / 5)
    colors = matplotlib.colormaps[SEQUENTIAL]
    checkpoints = {(place["group"], place["stage"]): k for k, place in enumerate(grid["checkpoints"])}
    for cell, share in zip(grid["cells"], shares, strict=True):
        place = cell["group"], cell["stage"]
        face = colors(share) if exit_share else "#EEEEEE"
        axes.add_patch(Rectangle((place[0] - 0.5, place[1] - 0.5), 1, 1, facecolor=face, edgecolor="white"))
        lines = [f"{cell['gmacs']:.3g}"]
        if place in checkpoints:
            leaves = f" {exit_share[checkpoints[place]]:.0%}" if exit_share else ""
            lines.append(f"✓{leaves}")
        ink = "black" if share > 0.45 or not exit_share else "white"
        axes.text(
            *place, "\n".join(lines), ha="center", va="center", fontsize=sizes, color=ink, linespacing=1.3
        )
    axes.set_xlim(0.5, len(groups) + 0.5)
    axes.set_ylim(len(stages) + 0.5, 0.5)
    axes.set_xticks(range(1, len(groups) + 1), [_frames(group) for group in groups])
    axes.set_yticks(range(1, len(stages) + 1), [shown(stage, 12) for stage in stages])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    axes.set_xlabel("groups in the order of the route, their frames from 0")
    figure.suptitle(
        "GMACs of each cell; ✓ share that leaves" if exit_share else "GMACs of each cell; ✓ checkpoint"
    )
    if exit_share:
        scale = matplotlib.cm.ScalarMappable(matplotlib.colors.Normalize(0, 100), SEQUENTIAL)
        bar = figure.colorbar(scale, ax=axes, fraction=0.04, pad=0.02)
        bar.set_label("videos that compute it (%)", fontsize=7)
        bar.outline.set_visible(False)  # type: ignore[operator]
    return figure


def _frames(group: Sequence[int]) -> str:
    """Frames of a group, from 0 as on the page; of many, three and how many there are."""
    names = [str(frame) for frame in group]
    return ", ".join(names) if len(names) <= 4 else f"{', '.join(names[:3])},\n… ({len(names)})"
