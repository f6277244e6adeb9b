"""A threshold with a reason: chosen on a calibration trace, used on another split."""

from dyninf.policies import Policy, cheapest_within
from dyninf.trace.curve import default_thresholds, sweep
from dyninf.trace.trace import Trace


def calibrate(trace: Trace, policy: Policy, max_drop: float, points: int = 1000) -> Policy:
    """The policy with the cheapest threshold that loses at most `max_drop` against full inference.

    trace: of the calibration split, never of the one that is reported.
    max_drop: share of the videos, in [0, 1].
    """
    curve = sweep(trace, policy, default_thresholds(trace, policy, points))
    best = cheapest_within(curve.top1_P, curve.macs_P, trace.full().top1, max_drop)
    return policy.with_threshold(curve.threshold_P[best].item())
