"""``classes``: what each class gains or loses against full inference."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dyninf.report.figures.style import COLUMN, GRAY, color, legend_outside, panels, shown, styled
from dyninf.trace import ClassFigures

MOST_AN_END = 12


def ends(classes: Sequence[ClassFigures]) -> list[ClassFigures]:
    """Classes by what they gain, most first; where they are many, those that gain and that lose most."""
    ordered = sorted(classes, key=lambda one: -one.change.value)
    if len(ordered) <= 2 * MOST_AN_END:
        return ordered
    return [*ordered[:MOST_AN_END], *ordered[-MOST_AN_END:]]


@styled()
def classes_figure(classes: Sequence[ClassFigures], level: float) -> Figure:
    """Change of top-1 of each class in points, with its interval; it is said how many are left out."""
    kept = ends(classes)
    left_out = len(classes) - len(kept)
    figure, (axes,) = panels(1, COLUMN, 0.8 + 0.15 * max(len(kept), 4))
    kinds = {1: ("^", color(0), "gains"), 0: ("o", GRAY, "unchanged"), -1: ("v", color(1), "loses")}
    used = set()
    for row, one in enumerate(kept):
        value, low, high = (100 * part for part in (one.change.value, one.change.low, one.change.high))
        sign = (value > 0) - (value < 0)
        mark, shade, _ = kinds[sign]
        used.add(sign)
        axes.plot([low, high], [row, row], color=shade, linewidth=0.9, solid_capstyle="butt")
        axes.plot(value, row, mark, color=shade)
    axes.axvline(0, color="black", linewidth=0.6, zorder=1)
    if left_out:
        axes.axhline(MOST_AN_END - 0.5, color=GRAY, linewidth=0.6, linestyle=":")
    axes.set_yticks(range(len(kept)), [f"{shown(one.name, 26)} ({one.videos})" for one in kept], fontsize=6)
    axes.set_ylim(len(kept) - 0.4, -0.6)
    axes.set_xlabel("change (points)")
    figure.suptitle(f"top-1, dynamic less full, with {level:.0%} intervals")
    if used == {0}:
        axes.set_xlim(-1, 1)
    axes.set_ylabel(f"class (videos); {left_out} in between left out" if left_out else "class (videos)")
    axes.grid(axis="x")
    entries = [
        (Line2D([], [], marker=mark, color=shade, linewidth=0.9), word)
        for sign, (mark, shade, word) in kinds.items()
        if sign in used
    ]
    legend_outside(figure, entries)
    return figure
