"""What each class costs and gains or loses, and which classes are hard.

Legend: V videos, N classes that occur, R resamples.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from dyninf.policies import Outcome
from dyninf.trace.bootstrap import Interval, Resampling
from dyninf.trace.trace import Trace

MOST_NAMED = 5


@dataclass(frozen=True)
class ClassFigures:
    """Of one class: accuracies in [0, 1] and costs in GMACs a video, with intervals of what the policy does.

    change: top-1 less that of full inference.
    """

    name: str
    videos: int
    full_top1: float
    top1: float
    change: Interval
    gmacs: Interval

    def row(self) -> dict[str, object]:
        """As a row of a table."""
        own = {"class": self.name, "videos": self.videos, "full_top1": self.full_top1, "top1": self.top1}
        return own | self.change.named("change") | self.gmacs.named("gmacs")


def by_class(trace: Trace, outcome: Outcome, resampling: Resampling | None = None) -> list[ClassFigures]:
    """The classes that have videos in the split, in their order; `Resampling()` when left out.

    outcome: of the trace's videos, in their order. Videos are drawn from all of the split, so that also a
    class's number of them varies.
    """
    resampling = resampling or Resampling()
    count_N = torch.bincount(trace.label_V, minlength=len(trace.info.classes))
    there_N = count_N.nonzero()[:, 0]
    member_VN = (trace.label_V[:, None] == there_N).double()
    right_V, full_V = outcome.predicted_V == trace.label_V, trace.right_VK[:, -1]
    gmacs_V = trace.macs_K[outcome.checkpoint_V] / 1e9
    change = _means(right_V.double() - full_V.double(), member_VN, resampling)
    gmacs = _means(gmacs_V, member_VN, resampling)
    full_N, top1_N = (value_V.double() @ member_VN / member_VN.sum(0) for value_V in (full_V, right_V))
    return [
        ClassFigures(
            trace.info.classes[label], int(count_N[label]), full_N[n].item(), top1_N[n].item(), *figures
        )
        for n, (label, *figures) in enumerate(zip(there_N.tolist(), change, gmacs, strict=True))
    ]


def hard_classes(classes: Sequence[ClassFigures], most: int = MOST_NAMED) -> dict[str, list[str]]:
    """Names of at most so many classes that cost most, and that lose most against full inference."""
    losing = [one for one in classes if one.change.value < 0]
    by_cost = sorted(classes, key=lambda one: -one.gmacs.value)
    by_loss = sorted(losing, key=lambda one: one.change.value)
    return {
        "cost_most": [one.name for one in by_cost[:most]],
        "lose_most": [one.name for one in by_loss[:most]],
    }


def _means(value_V: Tensor, member_VN: Tensor, resampling: Resampling) -> list[Interval]:
    """The mean of each class with its interval."""
    mean_N = value_V @ member_VN / member_VN.sum(0)
    # A class that a resample has no video of gives no number, which the bounds leave out.
    mean_RN = resampling.means(value_V[:, None] * member_VN) / resampling.means(member_VN)
    bounds = resampling.bounds(mean_RN)
    return [
        Interval(*three) for three in zip(mean_N.tolist(), *(end_N.tolist() for end_N in bounds), strict=True)
    ]
