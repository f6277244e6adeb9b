"""How far the probabilities of each checkpoint can be believed, before and after temperature scaling.

Legend: V videos, K checkpoints, S bins.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from dyninf.policies import MaxProbability
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
        _error(probability_V, right_V)
        for probability_V, right_V in zip(probabilities(trace, temperature).T, trace.right_VK.T, strict=True)
    ]


def probabilities(trace: Trace, temperature: float | Sequence[float] | None) -> Tensor:
    """Those (V, K) of the most probable class, float64; scaled where a temperature is given."""
    return trace.scores(MaxProbability(temperature=temperature))


def by_bin(probability_V: Tensor, right_V: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Videos, the sum of their probabilities, and how many are right in each of `BINS` equal bins (S,)."""
    bin_V = (probability_V * BINS).long().clamp(max=BINS - 1)
    return (
        torch.bincount(bin_V, minlength=BINS),
        torch.bincount(bin_V, probability_V, BINS),
        torch.bincount(bin_V, right_V.double(), BINS),
    )


def _error(probability_V: Tensor, right_V: Tensor) -> float:
    _, sum_S, right_S = by_bin(probability_V, right_V)
    return ((sum_S - right_S).abs().sum() / len(probability_V)).item()
