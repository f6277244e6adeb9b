"""Temperature scaling of every checkpoint (Guo et al. 2017, "On Calibration of Modern Neural Networks").

Logits divided by one number a checkpoint; the most probable class stays what it is.

Legend: V videos, K checkpoints, N classes, X anything.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

COLDEST, HOTTEST = 0.01, 100.0
"""Where a fit ends whose likelihood grows without end: every video right, or classes by chance."""

_HALVINGS = 20


def fit_temperature(logits_VKN: Tensor, label_V: Tensor) -> list[float]:
    """The temperature of each checkpoint (K of them) under which the labels are most likely.

    The likelihood is concave in the inverse temperature, so halving in on where its slope is 0 finds it, to
    about a thousandth of a percent. Between `COLDEST` and `HOTTEST`.

    Raises ValueError if there is no video, or a logit is not finite.
    """
    if len(label_V) == 0:
        raise ValueError("a temperature cannot be fitted without a video")
    if not logits_VKN.isfinite().all():
        raise ValueError("a temperature cannot be fitted to logits that are not finite")
    return [_fit(logits_VN, label_V) for logits_VN in logits_VKN.unbind(1)]


def _fit(logits_VN: Tensor, label_V: Tensor) -> float:
    # Relative to the true class, so that large logits cost no digits.
    lead_VN = logits_VN - logits_VN.gather(1, label_V[:, None])
    low, high = math.log(COLDEST), math.log(HOTTEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        probability_VN = (lead_VN * math.exp(-middle)).softmax(1)
        # The mean lead of the other classes, as they are expected, is the slope: above 0 it is too cold.
        if (probability_VN * lead_VN).sum(1, dtype=torch.float64).mean() > 0:
            low = middle
        else:
            high = middle
    return math.exp((low + high) / 2)


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
