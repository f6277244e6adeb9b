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


def top1_band(
    curve: Curve, trace: Trace, scores_VK: Tensor, resampling: Resampling | None = None
) -> tuple[Tensor, Tensor]:
    """The bounds (P,) of top-1 alone at each threshold of a curve, given its policy's scores on the trace."""
    resampling = resampling or Resampling()
    stop_VP = _stops(scores_VK, curve.threshold_P)
    return resampling.bounds(resampling.means(trace.right_VK.gather(1, stop_VP)))


def resampled_curve(
    trace: Trace, policy: Policy, threshold_P: Tensor, resampling: Resampling
) -> tuple[Tensor, Tensor]:
    """Top-1 (R, P) and mean MACs (R, P) on each resample, with one threshold at all checkpoints."""
    stop_VP = _stops(trace.scores(policy), threshold_P)
    right_VP, macs_VP = trace.right_VK.gather(1, stop_VP), trace.macs_K[stop_VP]
    return resampling.means(right_VP), resampling.means(macs_VP)


def _stops(scores_VK: Tensor, threshold_P: Tensor) -> Tensor:
    """The checkpoint (V, P), from 0, at which each video stops with each threshold."""
    K = scores_VK.shape[1]
    last = torch.tensor([-torch.inf], dtype=torch.float64)
    each = (torch.cat([threshold.expand(K - 1), last]) for threshold in threshold_P.double())
    return torch.stack([first_stop(scores_VK, thresholds_K) for thresholds_K in each], 1)
