"""Exit shares that cost a given part of full inference, so that speed can be measured on any network.

Legend: K checkpoints.
"""

import torch
from torch import Tensor

STEPS = 200


def shares_for(macs_K: Tensor, mean_macs: float) -> list[float]:
    """Shares proportional to q^k, k = 1 … K, whose mean cost is `mean_macs`.

    The family is that of MSDNet's budgeted batches (Huang et al. 2018): each checkpoint sends out the same
    part, up to normalisation, of what came to it. q is found by bisection.

    macs_K: cumulative costs, growing. Raises ValueError if no shares cost that much.
    """
    if not macs_K[0] < mean_macs < macs_K[-1]:
        raise ValueError(
            f"a mean of {mean_macs / 1e9:.4g} GMACs cannot be reached: leaving at the first checkpoint costs "
            f"{macs_K[0] / 1e9:.4g}, at the last {macs_K[-1] / 1e9:.4g}"
        )
    low, high = -50.0, 50.0  # logarithms of q
    for _ in range(STEPS):
        middle = (low + high) / 2
        if (_shares(middle, len(macs_K)) * macs_K).sum() < mean_macs:
            low = middle
        else:
            high = middle
    shares: list[float] = _shares(low, len(macs_K)).tolist()
    return shares


def _shares(log_q: float, K: int) -> Tensor:
    return (log_q * torch.arange(1, K + 1, dtype=torch.float64)).softmax(0)
