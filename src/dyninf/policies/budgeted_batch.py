"""MSDNet's budgeted-batch protocol: exit shares for a budget, thresholds for exit shares.

Huang et al. 2018, "Multi-Scale Dense Networks for Resource Efficient Image Classification", section 5.

Legend: V videos, K checkpoints.
"""

import torch
from torch import Tensor

from dyninf.policies.budget import affordable, checked_costs, mean_cost, never_early

_HALVINGS = 20  # to a millionth of the span of costs
_LARGEST_LOG = 60.0  # of q: its inverse vanishes beside 1 in a double, so one checkpoint has all
_LOG_HALVINGS = 56  # to 2e-15 of log q


def budgeted_batch(scores_VK: Tensor, macs_K: Tensor, budget: float) -> Tensor:
    """Thresholds (K,) with which videos cost at most `budget` on average.

    They are `share_thresholds` of the `exit_shares` that cost the budget. Shares are rounded to whole videos,
    and so the mean cost on these scores may come out above the cost that the shares stand for; then shares of
    the largest smaller cost that keeps within the budget are taken.

    scores_VK: of a calibration split. macs_K: cumulative costs, in any unit, which is also the budget's.

    Raises ValueError as `checked_costs`. A budget of at least full inference's cost gives full inference.
    """
    scores_VK, macs_K = checked_costs(scores_VK, macs_K, budget)
    if budget >= macs_K[-1].item():
        return never_early(len(macs_K))

    def thresholds_at(cost: float) -> Tensor:
        return share_thresholds(scores_VK, exit_shares(macs_K, cost))

    thresholds_K = thresholds_at(budget)
    if affordable(mean_cost(scores_VK, thresholds_K, macs_K), budget):
        return thresholds_K
    low, high = macs_K[0].item(), budget
    thresholds_K = thresholds_at(low)  # all videos leave first
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        tried_K = thresholds_at(middle)
        if affordable(mean_cost(scores_VK, tried_K, macs_K), budget):
            low, thresholds_K = middle, tried_K
        else:
            high = middle
    return thresholds_K


def exit_shares(macs_K: Tensor, budget: float) -> Tensor:
    """Shares (K,) proportional to q^k, k = 1 … K, with q such that they cost `budget` on average.

    The first checkpoint's cost or less sends all there, the last's or more all to the last.
    """
    place_K = torch.arange(len(macs_K), dtype=torch.float64)
    low, high = -_LARGEST_LOG, _LARGEST_LOG
    for _ in range(_LOG_HALVINGS):
        middle = (low + high) / 2
        if (place_K * middle).softmax(0) @ macs_K.double() <= budget:
            low = middle
        else:
            high = middle
    return (place_K * low).softmax(0)


def share_thresholds(scores_VK: Tensor, share_K: Tensor) -> Tensor:
    """Thresholds (K,) with which about these shares of the V videos leave at each checkpoint.

    At each checkpoint in turn the videos that are still there are sorted by their scores, and the threshold
    is the score of the last of the share's whole videos (rounded down); equal scores leave together. A share
    of no whole video means that nobody leaves, one of more videos than there are that all do. The last
    checkpoint accepts.
    """
    V, K = scores_VK.shape
    thresholds_K = never_early(K)
    there_V = torch.ones(V, dtype=torch.bool)
    for k in range(K - 1):
        wanted = int(V * share_K[k].item() + 1e-6)  # 10 videos times 0.3 are 3
        score_v = scores_VK[there_V, k]
        if wanted == 0 or len(score_v) == 0:
            continue
        thresholds_K[k] = score_v.topk(min(wanted, len(score_v))).values[-1]
        there_V &= scores_VK[:, k] < thresholds_K[k]
    return thresholds_K
