"""How far the probabilities of each checkpoint can be believed, before and after temperature scaling.

Legend: V videos, K checkpoints, N classes.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor
from torchmetrics.functional.classification import multiclass_calibration_error

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
        for probability_VN in probabilities(trace, temperature)
    ]


def probabilities(trace: Trace, temperature: float | Sequence[float] | None) -> Iterator[Tensor]:
    """Those (V, N) of one checkpoint after the other, so that all never are in memory; scaled where given."""
    K = trace.logits_VKN.shape[1]
    each_K = torch.as_tensor(1.0 if temperature is None else temperature, dtype=torch.float64).expand(K)
    for k in range(K):
        yield scaled(trace.logits_VKN[:, k : k + 1], each_K[k : k + 1].tolist())[:, 0].softmax(-1)
