"""How far the probabilities of each checkpoint can be believed, before and after temperature scaling.

Legend: V videos, K checkpoints, N classes, S bins.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from torch import Tensor
from torchmetrics.functional.classification import multiclass_calibration_error

from dyninf.atomic import atomic_file
from dyninf.policies import scaled
from dyninf.trace import Trace

BINS = 15


def reliability_figures(trace: Trace, temperature: float | Sequence[float] | None) -> list[dict[str, float]]:
    """For each checkpoint ``ece``, its expected calibration error (Guo et al. 2017; 15 bins, in [0, 1]).

    With a temperature also ``temperature`` and ``ece_scaled``, the error under it.
    """
    before_K = _errors(trace, None)
    if temperature is None:
        return [{"ece": before} for before in before_K]
    each_K = torch.as_tensor(temperature, dtype=torch.float64).expand(len(before_K)).tolist()
    return [
        {"ece": before, "temperature": one, "ece_scaled": after}
        for before, one, after in zip(before_K, each_K, _errors(trace, temperature), strict=True)
    ]


def _errors(trace: Trace, temperature: float | Sequence[float] | None) -> list[float]:
    return [
        multiclass_calibration_error(probability_VN, trace.label_V, probability_VN.shape[1], BINS).item()
        for probability_VN in _probabilities(trace, temperature)
    ]


def _probabilities(trace: Trace, temperature: float | Sequence[float] | None) -> Iterator[Tensor]:
    """Of one checkpoint after the other, so that those of all never are in memory."""
    K = trace.logits_VKN.shape[1]
    each_K = torch.as_tensor(1.0 if temperature is None else temperature, dtype=torch.float64).expand(K)
    for k in range(K):
        yield scaled(trace.logits_VKN[:, k : k + 1], each_K[k : k + 1].tolist())[:, 0].softmax(-1)


def save_reliability(path: Path, trace: Trace, temperature: float | Sequence[float] | None) -> None:
    """Write a PNG, a reliability diagram a checkpoint: the accuracy of the videos of each bin of probability.

    Bins without a video are left out.
    """
    K = len(trace.macs_K)
    columns = min(K, 4)
    rows = -(-K // columns)
    figure = Figure(figsize=(2.4 * columns, 2.4 * rows + 0.4), layout="constrained")
    FigureCanvasAgg(figure)
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False).flatten()
    for axes in grid[K:]:
        axes.set_visible(False)
    kinds: list[tuple[float | Sequence[float] | None, str, str]] = [(None, "as trained", "tab:gray")]
    if temperature is not None:
        kinds.append((temperature, "scaled", "tab:blue"))
    for axes, name in zip(grid, trace.info.checkpoints, strict=False):
        axes.plot([0, 1], [0, 1], color="black", linewidth=0.7)
        axes.set_title(name, fontsize="small")
    for chosen, label, color in kinds:
        for axes, probability_VN in zip(grid, _probabilities(trace, chosen), strict=False):
            axes.plot(*_bins(probability_VN, trace.label_V), ".-", color=color, label=label)
    grid[0].legend(fontsize="x-small")
    figure.supxlabel("probability of the most probable class", fontsize="small")
    figure.supylabel("share that is right", fontsize="small")
    with atomic_file(path) as new:
        figure.savefig(new, dpi=150)


def _bins(probability_VN: Tensor, label_V: Tensor) -> tuple[list[float], list[float]]:
    """Mean probability and share that is right, of each bin with a video."""
    probability_V, class_V = probability_VN.max(1)
    bin_V = (probability_V * BINS).long().clamp(max=BINS - 1)
    count_S, sum_S, right_S = (
        torch.bincount(bin_V, weights, BINS)
        for weights in (None, probability_V, (class_V == label_V).double())
    )
    there_S = count_S > 0
    return (sum_S / count_S)[there_S].tolist(), (right_S / count_S)[there_S].tolist()
