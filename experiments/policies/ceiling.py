"""The most that any policy could get right for a budget, if it knew the labels: a bound, no method.

Legend: V videos, K checkpoints.
"""

import torch
from torch import Tensor


def ceiling(right_VK: Tensor, macs_K: Tensor, budget: float) -> Tensor:
    """The checkpoint (V,) where each video leaves so that most are right at a mean cost of at most `budget`.

    Every video has to pay for the first checkpoint. Beyond that each is worth the same, so that those go on
    whose first right checkpoint costs least, for as long as the budget lasts; the others leave at once.

    Raises ValueError if the budget does not pay for the first checkpoint.
    """
    macs_K = macs_K.double()
    if budget < macs_K[0].item():
        raise ValueError(f"a budget of {budget:.6g} is below the first checkpoint's {macs_K[0].item():.6g}")
    first_V = right_VK.to(torch.int8).argmax(1)  # 0, and so at no extra cost, where none is right
    extra_V, order_V = (macs_K[first_V] - macs_K[0]).sort(stable=True)
    left = (budget - macs_K[0].item()) * len(first_V)
    kept_V = extra_V.cumsum(0) <= left * (1 + 1e-9)
    stop_V = torch.zeros_like(first_V)
    stop_V[order_V[kept_V]] = first_V[order_V[kept_V]]
    return stop_V
