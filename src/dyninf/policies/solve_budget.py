"""Thresholds for a budget, chosen for accuracy.

Legend: V videos, K checkpoints, P places where a threshold can stand.
"""

import torch
from torch import Tensor

from dyninf.policies.base import first_stop
from dyninf.policies.budget import ROUNDING, affordable, checked_costs, mean_cost, never_early
from dyninf.policies.budgeted_batch import budgeted_batch

_HALVINGS = 12
_MOST_SWEEPS = 20


def solve_budget(
    scores_VK: Tensor, right_VK: Tensor, macs_K: Tensor, budget: float, grain: int = 1
) -> Tensor:
    """Thresholds (K,) with which most videos are right at a mean cost of at most `budget`.

    It starts from `budgeted_batch`, from one threshold for all checkpoints, from the most accurate checkpoint
    that all videos can afford, and from full inference. These are improved (`_Search.climb`) first for the
    number of right videos less a price of their costs, with the price halved in on the budget, then for the
    number of right videos within the budget. The best of all counts, the first three themselves included, so
    that none is better on the same videos. The optimum is not guaranteed.

    scores_VK, right_VK: of a calibration split; right: whether the class at checkpoint k is the true one.
    macs_K: cumulative costs, in any unit, which is also the budget's.
    grain: in the order of a checkpoint's scores as many videos count as one: thresholds stand only between
        such groups, and a video is as right as its group is on average. So a threshold rests on no accident
        of single videos; 1 fits this split, and the accidents in it, as closely as can be.

    Raises ValueError as `checked_costs`, or if the answers do not fit the scores or the grain is below 1. A
    budget of at least full inference's cost gives full inference.
    """
    scores_VK, macs_K = checked_costs(scores_VK, macs_K, budget)
    if right_VK.shape != scores_VK.shape:
        raise ValueError(f"scores {tuple(scores_VK.shape)} need as many answers, got {tuple(right_VK.shape)}")
    if grain < 1:
        raise ValueError(f"a grain is 1 video at least, got {grain}")
    if budget >= macs_K[-1].item():
        return never_early(len(macs_K))
    search = _Search(scores_VK, right_VK.double().cpu(), macs_K, budget, grain)
    simple = [
        one_threshold(scores_VK, macs_K, budget),
        budgeted_batch(scores_VK, macs_K, budget),
        one_checkpoint(right_VK, macs_K, budget),
    ]
    priced = [search.priced(start_K) for start_K in (simple[1], never_early(len(macs_K)))]
    filled = [search.climb(start_K, search.least_price, capped=True) for start_K in (*simple, *priced)]
    right_VK = right_VK.cpu()
    return max(
        (*simple, *filled), key=lambda found_K: search.merit(found_K, right_VK)
    )  # of equals the simplest


def one_threshold(scores_VK: Tensor, macs_K: Tensor, budget: float) -> Tensor:
    """Thresholds (K,), the same at all checkpoints but the last, and the largest that `budget` can pay.

    Raises ValueError as `checked_costs`.
    """
    scores_VK, macs_K = checked_costs(scores_VK, macs_K, budget)
    thresholds_K = never_early(len(macs_K))
    if len(macs_K) == 1 or affordable(macs_K[-1].item(), budget):
        return thresholds_K
    ordered_P = scores_VK[:, :-1].unique()
    low, high = 0, len(ordered_P)  # the lowest score lets all leave first; a higher threshold costs no less
    while high - low > 1:
        middle = (low + high) // 2
        thresholds_K[:-1] = ordered_P[middle]
        low, high = (
            (middle, high)
            if affordable(mean_cost(scores_VK, thresholds_K, macs_K), budget)
            else (low, middle)
        )
    thresholds_K[:-1] = ordered_P[low]
    return thresholds_K


def one_checkpoint(right_VK: Tensor, macs_K: Tensor, budget: float) -> Tensor:
    """Thresholds (K,) with which all videos leave at the most accurate checkpoint that `budget` can pay."""
    right_K = right_VK.double().mean(0).cpu()
    right_K[macs_K > budget * (1 + ROUNDING)] = -1
    thresholds_K = never_early(len(macs_K))
    thresholds_K[int(right_K.argmax())] = -torch.inf
    return thresholds_K


class _Search:
    """A calibration split, sorted once for each checkpoint; costs in units of full inference's."""

    def __init__(
        self, scores_VK: Tensor, right_VK: Tensor, macs_K: Tensor, budget: float, grain: int
    ) -> None:
        self.scores_KV = scores_VK.T.contiguous()
        self.cost_K, self.budget = macs_K / macs_K[-1], budget / macs_K[-1].item()
        # So small that all videos' costs together weigh less than one right video: it only breaks ties.
        self.least_price = 0.5 / len(scores_VK)
        descending_KV, self.order_KV = self.scores_KV.sort(1, descending=True)
        self.places = [_places(descending_V, grain) for descending_V in descending_KV]
        self.right_KV = right_VK.T.contiguous()
        if grain > 1:
            for right_V, order_V, (end_P, _) in zip(self.right_KV, self.order_KV, self.places, strict=True):
                right_V[order_V] = _group_means(right_V[order_V], end_P)

    def merit(self, thresholds_K: Tensor, right_VK: Tensor) -> float:
        """Right videos within the budget; of as many, those that cost less."""
        stop_V = first_stop(self.scores_KV.T, thresholds_K)
        right = right_VK.gather(1, stop_V[:, None]).sum().item()
        cost = self.cost_K[stop_V].mean().item()
        return right - 0.5 * cost if affordable(cost, self.budget) else -1.0

    def priced(self, start_K: Tensor) -> Tensor:
        """Affordable thresholds at about the lowest price that makes them so."""
        low, high = 0.0, 1.0
        best_K = self.climb(start_K, high)
        while not affordable(self.cost(best_K), self.budget) and high < 1e12:
            low, high = high, 4 * high
            best_K = self.climb(best_K, high)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            found_K = self.climb(best_K, middle)
            if affordable(self.cost(found_K), self.budget):
                high, best_K = middle, found_K
            else:
                low = middle
        return best_K

    def cost(self, thresholds_K: Tensor) -> float:
        return mean_cost(self.scores_KV.T, thresholds_K, self.cost_K)

    def climb(self, thresholds_K: Tensor, price: float, capped: bool = False) -> Tensor:
        """Improve the number of right videos less `price` a unit of cost, until no single threshold can.

        One threshold at a time takes the value that is best with the others as they are, exactly: running
        sums over the videos that reach its checkpoint, in the order of their scores, say what each gains.

        capped: take no value with which the mean cost exceeds the budget.
        """
        thresholds_K = thresholds_K.clone()
        K, V = self.scores_KV.shape
        most = self.budget * V * (1 + ROUNDING) if capped else torch.inf
        leaves_KV = self.scores_KV >= thresholds_K[:, None]
        spent = self.cost(thresholds_K) * V
        for _ in range(_MOST_SWEEPS):
            changed = False
            reaches_KV = _before(leaves_KV)
            right_V, cost_V = self.right_KV[-1], self.cost_K[-1].expand(V)  # where it goes if it stays at k
            for k in range(K - 2, -1, -1):
                end_P, threshold_P = self.places[k]
                gained_2V = torch.stack([self.right_KV[k] - right_V, self.cost_K[k] - cost_V]) * reaches_KV[k]
                now = gained_2V @ leaves_KV[k].double()
                sums_2P = gained_2V[:, self.order_KV[k]].cumsum(1)[:, end_P]
                sums_2P = torch.cat([torch.zeros(2, 1, dtype=torch.float64), sums_2P], 1)  # nobody leaves
                value_P = sums_2P[0] - price * sums_2P[1]
                value_P[sums_2P[1] > most - spent + now[1]] = -torch.inf
                best = int(value_P.argmax())
                if value_P[best] > now[0] - price * now[1] + 1e-9:
                    thresholds_K[k] = threshold_P[best]
                    leaves_KV[k] = self.scores_KV[k] >= thresholds_K[k]
                    spent += (sums_2P[1, best] - now[1]).item()
                    changed = True
                right_V = torch.where(leaves_KV[k], self.right_KV[k], right_V)
                cost_V = torch.where(leaves_KV[k], self.cost_K[k], cost_V)
            if not changed:
                break
        return thresholds_K


def _before(leaves_KV: Tensor) -> Tensor:
    """Whether each video reaches each checkpoint: it has left at none before."""
    reaches_KV = torch.ones_like(leaves_KV)
    for k in range(1, len(leaves_KV)):
        reaches_KV[k] = reaches_KV[k - 1] & ~leaves_KV[k - 1]
    return reaches_KV


def _group_means(value_V: Tensor, end_P: Tensor) -> Tensor:
    """Each value replaced by the mean of its group; groups are consecutive and end at `end_P`."""
    size_P = end_P.diff(prepend=torch.tensor([-1]))
    total_P = value_V.cumsum(0)[end_P].diff(prepend=torch.zeros(1, dtype=value_V.dtype))
    return (total_P / size_P).repeat_interleave(size_P)


def _places(descending_V: Tensor, grain: int) -> tuple[Tensor, Tensor]:
    """The last video that leaves (P - 1,), in descending order of scores, and the thresholds (P,) for it.

    The first threshold, infinity, is for nobody, the last, minus infinity, for all. Equal scores leave
    together. The others lie halfway to the next score, so that rounding in another batch decides nothing.
    """
    lower_V = torch.cat([descending_V[1:], torch.tensor([-torch.inf], dtype=torch.float64)])
    end_P = (descending_V > lower_V).nonzero()[:, 0]
    full_P = (end_P + 1) // grain
    kept_P = full_P > torch.cat([torch.zeros(1, dtype=torch.long), full_P[:-1]])
    kept_P[-1] = True
    end_P = end_P[kept_P]
    above_P, below_P = descending_V[end_P], lower_V[end_P]
    half_P = above_P + (below_P - above_P) / 2
    threshold_P = torch.where((half_P > below_P) | (below_P == -torch.inf), half_P, above_P)
    return end_P, torch.cat([torch.tensor([torch.inf], dtype=torch.float64), threshold_P])
