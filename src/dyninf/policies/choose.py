"""Thresholds for a promise, chosen on a calibration split.

Legend: P operating points of a curve.
"""

import torch
from torch import Tensor


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
