"""Accuracy against cost over many thresholds.

Legend: P operating points, V videos, K checkpoints.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dyninf.atomic import atomic_file
from dyninf.policies import Policy
from dyninf.trace.trace import Trace


@dataclass(frozen=True)
class Curve:
    """One row an operating point: threshold, accuracies in [0, 1], mean MACs, exit shares.

    top1_low_P, top1_high_P: an interval of top-1, where one was asked for (`trace.with_band`).
    """

    threshold_P: Tensor
    top1_P: Tensor
    top5_P: Tensor
    macs_P: Tensor
    exit_share_PK: Tensor
    checkpoints: tuple[str, ...]
    top1_low_P: Tensor | None = None
    top1_high_P: Tensor | None = None

    def header(self) -> list[str]:
        """Column names of `rows`."""
        interval = [] if self.top1_low_P is None else ["top1_low", "top1_high"]
        shares = [f"share_{name}" for name in self.checkpoints]
        return ["threshold", "top1", "top5", "gmacs", *interval, *shares]

    def rows(self) -> list[list[float]]:
        """One list a point, in the order of `header`; GMACs instead of MACs."""
        interval = [bound_P for bound_P in (self.top1_low_P, self.top1_high_P) if bound_P is not None]
        points = [self.threshold_P, self.top1_P, self.top5_P, self.macs_P / 1e9]
        columns = [*points, *interval, *self.exit_share_PK.T]
        return torch.stack([column.double() for column in columns], 1).tolist()

    def save(self, path: Path) -> None:
        """Write as CSV."""
        with atomic_file(path) as new, open(new, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(self.header())
            writer.writerows(self.rows())


def sweep(trace: Trace, policy: Policy, thresholds_P: Tensor | int, scores_VK: Tensor | None = None) -> Curve:
    """Replay `policy` with each threshold, the same at every checkpoint; the logits are scored once.

    thresholds_P: or how many; then they are `default_thresholds`. scores_VK: of the policy on the trace, if
    they are at hand.

    Under one threshold a video leaves where the running maximum of its scores first reaches it. So the
    thresholds with which it leaves at checkpoint k are those in between the maxima up to k - 1 and up to k,
    and sums over videos are differences of running sums over sorted thresholds: no threshold is replayed.

    Raises ValueError if a threshold or a score is not a number, or the policy cannot score this trace.
    """
    scores_VK = trace.scores(policy) if scores_VK is None else scores_VK
    if scores_VK.isnan().any():
        raise ValueError("a policy gave a score that is not a number")
    if isinstance(thresholds_P, int):
        thresholds_P = spread_thresholds(scores_VK, thresholds_P)
    if thresholds_P.isnan().any():
        raise ValueError("a threshold is not a number")
    V, P = len(scores_VK), len(thresholds_P)
    ordered_P, order_P = thresholds_P.double().sort()
    # How many of the sorted thresholds a video has reached by checkpoint k: all of them by the last one.
    reached_VK = torch.searchsorted(ordered_P, scores_VK.cummax(1).values, right=True)
    reached_VK[:, -1] = P
    came_VK = torch.cat([torch.zeros(V, 1, dtype=torch.long), reached_VK[:, :-1]], 1)

    def videos_that_leave(counted_VK: Tensor) -> Tensor:
        """How many of the videos that count (V, K) leave at each point and checkpoint (P, K)."""
        changes_PK = torch.stack(
            [
                torch.bincount(came_V, counted_V, P + 1) - torch.bincount(reached_V, counted_V, P + 1)
                for came_V, reached_V, counted_V in zip(
                    came_VK.T, reached_VK.T, counted_VK.double().T, strict=True
                )
            ],
            1,
        )
        counts_PK = torch.empty(P, len(trace.macs_K), dtype=torch.float64)
        counts_PK[order_P] = changes_PK.cumsum(0)[:-1]
        return counts_PK

    right_VKn = trace.ranked_VKn == trace.label_V[:, None, None]
    share_PK = videos_that_leave(torch.ones_like(scores_VK)) / V
    return Curve(
        thresholds_P,
        videos_that_leave(right_VKn[..., 0]).sum(1) / V,
        videos_that_leave(right_VKn.any(2)).sum(1) / V,
        (share_PK * trace.macs_K).sum(1),
        share_PK,
        trace.info.checkpoints,
    )


def default_thresholds(trace: Trace, policy: Policy, points: int) -> Tensor:
    """Thresholds spread over the scores that occur, with both extremes: all leave first, nobody leaves."""
    return spread_thresholds(trace.scores(policy), points)


def spread_thresholds(scores_VK: Tensor, points: int) -> Tensor:
    """`points` thresholds (P,) from below the lowest score to above the highest, the last checkpoint's aside.

    Each lies halfway between two neighbouring scores, so that rounding in another batch decides nothing.
    """
    scores_VK = scores_VK[:, :-1]
    if scores_VK.numel() == 0:
        return torch.tensor([0.0], dtype=torch.float64)
    # torch.quantile refuses more than 16 million values; sorting (unique sorts) does not.
    ordered = scores_VK.flatten().unique()
    ends = torch.stack([ordered[0] - 1e-6, ordered[-1] + 1e-6])
    gaps = torch.cat([ends[:1], (ordered[1:] + ordered[:-1]) / 2])
    places = torch.linspace(0, len(gaps) - 1, max(points - 1, 1), dtype=torch.float64).round().long()
    return torch.cat([gaps[places], ends[1:]])
