"""``confusion``: which classes are taken for which, where videos left and at the last checkpoint.

Legend: V videos, N classes.
"""

from __future__ import annotations

import matplotlib
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.image import AxesImage
from torch import Tensor

from dyninf.policies import Outcome
from dyninf.report.figures.style import COLUMN, PAGE, SEQUENTIAL, panels, shown, styled
from dyninf.trace import Trace

MOST_NAMES = 30
MOST_NUMBERS = 12


def confusion(label_V: Tensor, predicted_V: Tensor, classes: int) -> Tensor:
    """Share (N, N) of the videos of each class, a row, that are given each class; NaN rows have no video."""
    count_NN = torch.bincount(label_V * classes + predicted_V, minlength=classes**2).view(classes, classes)
    return count_NN.double() / count_NN.sum(1, keepdim=True)


@styled()
def confusion_figure(trace: Trace, outcome: Outcome | None) -> Figure:
    """Confusion matrices, each row in percent of its class; rows without a video are gray.

    outcome: where videos left; without one only the last checkpoint is shown.
    """
    last_V = trace.ranked_VKn[:, -1, 0]
    kinds = [("last checkpoint", last_V)]
    if outcome is not None:
        kinds.insert(0, ("where each video left", outcome.predicted_V))
    N = len(trace.info.classes)
    named = N <= MOST_NAMES
    figure, grid = panels(len(kinds), PAGE if len(kinds) > 1 else COLUMN + 0.4, 3.5 if named else 3.0)
    image: AxesImage | None = None
    for place, (axes, (title, predicted_V)) in enumerate(zip(grid, kinds, strict=True)):
        image = _draw(axes, 100 * confusion(trace.label_V, predicted_V, N))
        right = (predicted_V == trace.label_V).double().mean().item()
        axes.set_title(f"{title}: {right:.1%} right")
        axes.set_xlabel("predicted class")
        if named:
            names = [shown(name, 18) for name in trace.info.classes]
            axes.set_xticks(range(N), names, rotation=90, fontsize=5.5 if N > 15 else 6.5)
            axes.set_yticks(range(N), names if place == 0 else [""] * N, fontsize=5.5 if N > 15 else 6.5)
        if place == 0:
            axes.set_ylabel("class" if named else f"class, 0 to {N - 1} in the order of the data set")
    assert image is not None
    bar = figure.colorbar(image, ax=grid, fraction=0.025, pad=0.01)
    bar.set_label("videos of the class (%)")
    bar.outline.set_visible(False)  # type: ignore[operator]
    return figure


def _draw(axes: Axes, percent_NN: Tensor) -> AxesImage:
    colors = matplotlib.colormaps[SEQUENTIAL].with_extremes(bad="#CCCCCC")
    image = axes.imshow(percent_NN.numpy(), colors, vmin=0, vmax=100, interpolation="nearest")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    if len(percent_NN) <= MOST_NUMBERS:
        for n, row in enumerate(percent_NN.tolist()):
            for m, value in enumerate(row):
                if value >= 0.5:
                    ink = "black" if value > 45 else "white"
                    axes.text(m, n, f"{value:.0f}", ha="center", va="center", fontsize=5.5, color=ink)
    return image
