"""Thresholds for a promise, chosen on a calibration split.

Legend: P operating points of a curve.
"""

import torch
from torch import Tensor

from dyninf.policies.budget import ROUNDING


def cheapest_within(top1_P: Tensor, macs_P: Tensor, full_top1: float, max_drop: float) -> int:
    """The cheapest operating point whose accuracy is at most `max_drop` below full inference's.

    Accuracies and `max_drop` are shares in [0, 1]. Among equally cheap points the more accurate one wins.
    Raises ValueError if no point is good enough.
    """
    good_P = top1_P >= full_top1 - max_drop - 1e-9  # shares of V videos are not exact in floating point
    if not good_P.any():
        raise ValueError(
            f"no operating point is within {max_drop:.3f} of full inference ({full_top1:.3f}); "
            f"the best one has {top1_P.max():.3f}"
        )
    cost_P = torch.where(good_P, macs_P, torch.inf)
    cheapest_P = cost_P == cost_P.min()
    return int(torch.where(cheapest_P, top1_P, -torch.inf).argmax())


def best_affordable(top1_P: Tensor, macs_P: Tensor, budget: float) -> int:
    """The most accurate operating point that costs at most `budget`, in the unit of `macs_P`.

    Among equally accurate points the cheaper one wins. Raises ValueError if no point is cheap enough.
    """
    affordable_P = macs_P <= budget * (1 + ROUNDING)
    if not affordable_P.any():
        raise ValueError(
            f"a budget of {budget:.6g} is below the cost of the first checkpoint; "
            f"it must be at least {macs_P.min():.6g}"
        )
    top1_P = torch.where(affordable_P, top1_P, -torch.inf)
    return int(torch.where(top1_P == top1_P.max(), -macs_P, -torch.inf).argmax())
