"""What a budget is checked against, and what it buys.

Legend: V videos, K checkpoints.
"""

import torch
from torch import Tensor

from dyninf.policies.base import first_stop

ROUNDING = 1e-9
"""Share of a budget by which a mean cost may exceed it, since sums are not exact in floating point."""


def checked_costs(scores_VK: Tensor, macs_K: Tensor, budget: float) -> tuple[Tensor, Tensor]:
    """Scores and costs as float64 on the CPU.

    Raises ValueError if a score is not a finite number, there is no video, costs are not K cumulative ones,
    or the budget is below the first of them.
    """
    scores_VK, macs_K = scores_VK.double().cpu(), macs_K.double().cpu()
    V, K = scores_VK.shape
    if not scores_VK.isfinite().all():
        raise ValueError("thresholds cannot be chosen from scores that are not finite numbers")
    if V == 0:
        raise ValueError("thresholds cannot be chosen without a video")
    if len(macs_K) != K or not macs_K.isfinite().all() or not (macs_K.diff() >= 0).all() or macs_K[0] < 0:
        raise ValueError(
            f"{K} checkpoints need as many costs, none below the one before; got {macs_K.tolist()}"
        )
    if not budget >= macs_K[0].item() * (1 - ROUNDING):
        raise ValueError(
            f"a budget of {budget:.6g} is below the cost of the first checkpoint; "
            f"it must be at least {macs_K[0].item():.6g}"
        )
    return scores_VK, macs_K


def never_early(num_checkpoints: int) -> Tensor:
    """Thresholds (K,) of full inference."""
    thresholds_K = torch.full((num_checkpoints,), torch.inf, dtype=torch.float64)
    thresholds_K[-1] = -torch.inf
    return thresholds_K


def mean_cost(scores_VK: Tensor, thresholds_K: Tensor, macs_K: Tensor) -> float:
    """What a video costs on average."""
    return macs_K[first_stop(scores_VK, thresholds_K)].mean().item()


def affordable(cost: float, budget: float) -> bool:
    """Whether a mean cost is within a budget."""
    return cost <= budget * (1 + ROUNDING)
