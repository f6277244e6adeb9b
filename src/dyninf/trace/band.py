"""The error band of a curve, and the interval of the area under it.

Legend: P operating points, V videos, K checkpoints, R resamples.
"""

from dataclasses import replace

import torch
from torch import Tensor

from dyninf.policies import Policy, first_stop
from dyninf.trace.area import area
from dyninf.trace.bootstrap import Interval, Resampling
from dyninf.trace.curve import Curve
from dyninf.trace.trace import Trace


def with_band(
    curve: Curve, trace: Trace, policy: Policy, resampling: Resampling | None = None
) -> tuple[Curve, Interval]:
    """The curve with an interval of top-1 at each threshold, and the area under it.

    The band is that of a threshold, drawn at its mean cost on the split: a resample's own cost also varies,
    which the interval of the area takes into account.

    curve: of `policy` on `trace`. resampling: `Resampling()` when left out.
    """
    resampling = resampling or Resampling()
    top1_RP, macs_RP = resampled_curve(trace, policy, curve.threshold_P, resampling)
    low_P, high_P = resampling.bounds(top1_RP)
    banded = replace(curve, top1_low_P=low_P, top1_high_P=high_P)
    ends = trace.macs_K[0].item(), trace.macs_K[-1].item()
    value = area(curve.top1_P, curve.macs_P, *ends).item()
    return banded, resampling.interval(value, area(top1_RP, macs_RP, *ends))


def resampled_curve(
    trace: Trace, policy: Policy, threshold_P: Tensor, resampling: Resampling
) -> tuple[Tensor, Tensor]:
    """Top-1 (R, P) and mean MACs (R, P) on each resample, with one threshold at all checkpoints."""
    scores_VK, right_VK, K = trace.scores(policy), trace.right_VK, len(trace.macs_K)
    right_VP = torch.empty(len(scores_VK), len(threshold_P), dtype=torch.bool)
    macs_VP = torch.empty(right_VP.shape, dtype=torch.float64)
    for p, threshold in enumerate(threshold_P.tolist()):
        stop_V = first_stop(scores_VK, policy.with_threshold(threshold).thresholds(K))
        right_VP[:, p] = right_VK.gather(1, stop_V[:, None])[:, 0]
        macs_VP[:, p] = trace.macs_K[stop_V]
    return resampling.means(right_VP), resampling.means(macs_VP)
