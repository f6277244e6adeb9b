"""Accuracy against cost over many thresholds.

Legend: P operating points, V videos, K checkpoints.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from dyninf.atomic import atomic_file
from dyninf.policies import Policy, first_stop
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


def sweep(trace: Trace, policy: Policy, thresholds_P: Tensor) -> Curve:
    """Replay `policy` with each threshold, the same at every checkpoint; the logits are scored once."""
    scores_VK, K = trace.scores(policy), len(trace.macs_K)
    rows, shares = [], []
    for threshold in thresholds_P.tolist():
        outcome = trace.stop_at(first_stop(scores_VK, policy.with_threshold(threshold).thresholds(K)))
        # The outcome's tensors over all videos go at once: a thousand of them would be most of the memory.
        rows.append((outcome.top1, outcome.top5, outcome.mean_macs))
        shares.append(outcome.exit_share_K)
    top1_P, top5_P, macs_P = torch.tensor(rows, dtype=torch.float64).T
    return Curve(thresholds_P, top1_P, top5_P, macs_P, torch.stack(shares), trace.info.checkpoints)


def default_thresholds(trace: Trace, policy: Policy, points: int) -> Tensor:
    """Thresholds spread over the scores that occur, with both extremes: all leave first, nobody leaves.

    Each lies halfway between two neighbouring scores, so that rounding in another batch decides nothing.
    """
    scores_VK = trace.scores(policy)[:, :-1]
    if scores_VK.numel() == 0:
        return torch.tensor([0.0], dtype=torch.float64)
    # torch.quantile refuses more than 16 million values; sorting (unique sorts) does not.
    ordered = scores_VK.flatten().unique()
    ends = torch.stack([ordered[0] - 1e-6, ordered[-1] + 1e-6])
    gaps = torch.cat([ends[:1], (ordered[1:] + ordered[:-1]) / 2])
    places = torch.linspace(0, len(gaps) - 1, max(points - 1, 1), dtype=torch.float64).round().long()
    return torch.cat([gaps[places], ends[1:]])
