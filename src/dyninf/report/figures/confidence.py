"""``confidence``: how sure the checkpoints are of videos that come out right and wrong.

Legend: V videos, K checkpoints.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dyninf.report.dashboard.content import top_probabilities
from dyninf.report.figures.curves import network_on_split
from dyninf.report.figures.style import COLUMN, color, legend_outside, line, name_ticks, panels, styled
from dyninf.trace import Trace


@styled()
def confidence_figure(trace: Trace) -> Figure:
    """Probability of the class that each checkpoint gives, as trained: median and quartiles over the videos.

    One line for the videos that the last checkpoint gets right, one for those that it gets wrong.
    """
    percent_VK = 100 * top_probabilities(trace)
    right_V = trace.right_VK[:, -1].numpy()
    figure, (axes,) = panels(1, COLUMN, 2.3)
    entries: list[tuple[Artist, str]] = []
    for i, (word, mark, of_it_V) in enumerate((("right", "o", right_V), ("wrong", "v", ~right_V))):
        if not of_it_V.any():
            continue
        low_K, median_K, high_K = np.quantile(percent_VK[of_it_V], (0.25, 0.5, 0.75), axis=0)
        places = np.arange(len(median_K))
        (drawn,) = axes.plot(places, median_K, marker=mark, **line(i))
        if len(places) == 1:
            axes.vlines(places, low_K, high_K, color=color(i), linewidth=0.8)
        axes.fill_between(places, low_K, high_K, color=color(i), alpha=0.18, linewidth=0)
        entries.append((drawn, f"{word} at the last checkpoint ({int(of_it_V.sum())} videos)"))
    _finish(axes, trace.info.checkpoints)
    figure.suptitle(network_on_split(trace))
    legend_outside(figure, entries)
    return figure


def _finish(axes: Axes, names: Sequence[str]) -> None:
    axes.set_ylim(0, 104)
    axes.set_ylabel("probability (%),\nmedian and quartiles")
    axes.set_xlabel("checkpoint")
    name_ticks(axes, names)
    axes.grid(axis="y")
