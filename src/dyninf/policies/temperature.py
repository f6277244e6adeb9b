"""Temperature scaling of every checkpoint (Guo et al. 2017, "On Calibration of Modern Neural Networks").

Logits divided by one number a checkpoint; the most probable class stays what it is.

Legend: V videos, B of them, K checkpoints, N classes, X anything.
"""

import math
from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor

COLDEST, HOTTEST = 0.01, 100.0
"""Where a fit ends whose likelihood grows without end: every video right, or classes by chance."""

CHUNK = 1024
"""Videos at once in a fit."""

_HALVINGS = 20


class LogitsByVideo(Protocol):
    """Logits (V, K, N), of which ``logits[rows]`` is a tensor."""

    def __getitem__(self, index: slice) -> Tensor: ...


def fit_temperature(logits_VKN: LogitsByVideo, label_V: Tensor) -> list[float]:
    """The temperature of each checkpoint (K of them) under which the labels are most likely.

    The likelihood is concave in the inverse temperature, so halving in on where its slope is 0 finds it, to
    about a thousandth of a percent. Between `COLDEST` and `HOTTEST`. Few videos are in memory at a time.

    Raises ValueError if there is no video, or a logit is not finite.
    """
    if len(label_V) == 0:
        raise ValueError("a temperature cannot be fitted without a video")
    K = logits_VKN[:1].shape[1]
    low_K = torch.full((K,), math.log(COLDEST), dtype=torch.float64)
    high_K = torch.full((K,), math.log(HOTTEST), dtype=torch.float64)
    for _ in range(_HALVINGS):
        middle_K = (low_K + high_K) / 2
        # The mean lead of the other classes, as they are expected, is the slope: above 0 it is too cold.
        is_cold_K = _slopes(logits_VKN, label_V, middle_K.neg().exp()) > 0
        low_K, high_K = torch.where(is_cold_K, middle_K, low_K), torch.where(is_cold_K, high_K, middle_K)
    return [math.exp(value) for value in ((low_K + high_K) / 2).tolist()]


def _slopes(logits_VKN: LogitsByVideo, label_V: Tensor, inverse_K: Tensor) -> Tensor:
    """Sums over the videos (K,) of the expected lead of the other classes over the true one."""
    slope_K = torch.zeros_like(inverse_K)
    for first in range(0, len(label_V), CHUNK):
        rows = slice(first, first + CHUNK)
        logits_BKN, label_B = logits_VKN[rows], label_V[rows]
        if not logits_BKN.isfinite().all():
            raise ValueError("a temperature cannot be fitted to logits that are not finite")
        # Relative to the true class, so that large logits cost no digits.
        own_BK1 = label_B[:, None, None].expand(*logits_BKN.shape[:2], 1)
        lead_BKN = logits_BKN - logits_BKN.gather(2, own_BK1)
        probability_BKN = (lead_BKN * inverse_K[:, None].to(lead_BKN.dtype)).softmax(2)
        slope_K += (probability_BKN * lead_BKN).sum(2, dtype=torch.float64).sum(0)
    return slope_K


def checked_temperature(temperature: float | Sequence[float] | None) -> float | Sequence[float] | None:
    """The same; ValueError unless it is None, a finite number above 0, or a list of such."""
    try:
        given = torch.as_tensor(1.0 if temperature is None else temperature, dtype=torch.float64)
        valid = given.ndim < 2 and bool(((given > 0) & given.isfinite()).all())
    except (TypeError, ValueError):  # words, or rows of different lengths
        valid = False
    if not valid:
        raise ValueError(f"temperature {temperature!r} is not a number above 0, nor a list of such numbers")
    return temperature


def scaled(logits_XJN: Tensor, temperature: float | Sequence[float] | None) -> Tensor:
    """Logits (..., J, N) of the first J checkpoints divided by their temperatures; float64."""
    logits_XJN = logits_XJN.double()
    if temperature is None:
        return logits_XJN
    given = torch.as_tensor(temperature, dtype=torch.float64, device=logits_XJN.device)
    return logits_XJN / (given if given.ndim == 0 else given[: logits_XJN.shape[-2], None])
