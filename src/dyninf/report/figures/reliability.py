"""``reliability``: how far the probabilities of each checkpoint can be believed.

Legend: V videos, K checkpoints, S bins.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.artist import Artist
from matplotlib.figure import Figure
from torch import Tensor

from dyninf.report.figures.style import (
    COLUMN,
    GRAY,
    PAGE,
    color,
    legend_outside,
    panels,
    save_as,
    shown,
    styled,
)
from dyninf.report.reliability import by_bin, probabilities
from dyninf.trace import Trace


@styled()
def reliability_figure(trace: Trace, temperature: float | Sequence[float] | None) -> Figure:
    """A reliability diagram a checkpoint: the accuracy of the videos of each bin of probability.

    Bins without a video are left out. With a temperature also the diagram of the scaled probabilities.
    """
    K = len(trace.macs_K)
    columns = min(K, 4)
    width = PAGE if columns > 2 else COLUMN
    figure, grid = panels(K, width, width / columns * 0.95, columns)
    kinds: list[tuple[float | Sequence[float] | None, str, str, str]] = [(None, "as trained", "o", GRAY)]
    if temperature is not None:
        kinds.append((temperature, "scaled by its temperature", "^", color(0)))
    for place, (axes, name) in enumerate(zip(grid, trace.info.checkpoints, strict=True)):
        (ideal,) = axes.plot([0, 100], [0, 100], color="black", linewidth=0.5)
        axes.set(title=shown(name, 24), xlim=(0, 100), ylim=(0, 100), aspect="equal")
        ticks = [0, 50, 100]
        axes.set_xticks(ticks, None if place + columns >= K else ["", "", ""])
        axes.set_yticks(ticks, None if place % columns == 0 else ["", "", ""])
        axes.grid()
    entries: list[tuple[Artist, str]] = [(ideal, "perfectly calibrated")]
    for chosen, label, mark, shade in kinds:
        each = zip(grid, probabilities(trace, chosen).T, trace.right_VK.T, strict=True)
        for axes, probability_V, right_V in each:
            bins = _bins(probability_V, right_V)
            (drawn,) = axes.plot(
                *bins, marker=mark, markersize=2.5, linewidth=0.9, color=shade, clip_on=False
            )
        entries.append((drawn, label))
    figure.supxlabel("probability of the most probable class (%)", fontsize=8)
    figure.supylabel("videos that are right (%)", fontsize=8)
    legend_outside(figure, entries, "upper")  # a label of the whole figure is at the bottom
    return figure


def save_reliability(path: Path, trace: Trace, temperature: float | Sequence[float] | None) -> None:
    """Write `reliability_figure`."""
    save_as(reliability_figure(trace, temperature), path)


def _bins(probability_V: Tensor, right_V: Tensor) -> tuple[list[float], list[float]]:
    """Mean probability and share that is right, in percent, of each bin with a video."""
    count_S, sum_S, right_S = by_bin(probability_V, right_V)
    there_S = count_S > 0
    return (100 * sum_S / count_S)[there_S].tolist(), (100 * right_S / count_S)[there_S].tolist()
