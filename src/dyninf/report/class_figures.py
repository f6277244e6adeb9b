"""What each class of a split costs, and how often it is recognised.

Legend: V videos, N classes.
"""

from typing import NamedTuple

import torch

from dyninf.policies import Outcome
from dyninf.trace import Trace


class ClassFigures(NamedTuple):
    """A class with videos in the split: accuracies in [0, 1], mean cost of a video."""

    name: str
    videos: int
    top1_full: float
    top1_dynamic: float
    gmacs: float


def class_figures(trace: Trace, left: Outcome) -> list[ClassFigures]:
    """One row a class that has videos, in the order of the classes; `left` is of the trace's videos."""
    label_V, N = trace.label_V, len(trace.info.classes)
    count_N = torch.bincount(label_V, minlength=N)
    means = [
        torch.bincount(label_V, value_V.double(), minlength=N) / count_N
        for value_V in (
            trace.full().predicted_V == label_V,
            left.predicted_V == label_V,
            trace.macs_K[left.checkpoint_V] / 1e9,
        )
    ]
    rows = zip(trace.info.classes, count_N.tolist(), *(mean_N.tolist() for mean_N in means), strict=True)
    return [ClassFigures(*row) for row in rows if row[1] > 0]
