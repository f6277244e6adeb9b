"""The two settings of MSDNet (Huang et al. 2018, section 5): anytime and budgeted evaluation, as tables.

Legend: V videos, K checkpoints.
"""

from collections.abc import Iterator, Sequence

import torch

from dyninf.policies import Policy, best_affordable
from dyninf.trace.area import area
from dyninf.trace.bootstrap import Interval, Resampling
from dyninf.trace.calibrate import Promise, calibrate
from dyninf.trace.compare import compare
from dyninf.trace.curve import sweep
from dyninf.trace.trace import Trace

PERCENTS = tuple(range(10, 101, 10))
"""Of full inference's cost: the budgets of `budgeted`."""


def anytime(trace: Trace, resampling: Resampling | None = None) -> list[dict[str, object]]:
    """One row a checkpoint: its GMACs, and top-1 with interval if every video stops there."""
    resampling = resampling or Resampling()
    right_VK = trace.right_VK.double()
    low_K, high_K = resampling.bounds(resampling.means(right_VK))
    columns = (right_VK.mean(0), low_K, high_K, trace.macs_K / 1e9)
    keys = ("top1", "top1_low", "top1_high", "gmacs")
    return [
        {"name": name} | dict(zip(keys, row, strict=True))
        for name, row in zip(trace.info.checkpoints, torch.stack(columns, 1).tolist(), strict=True)
    ]


def anytime_area(trace: Trace, resampling: Resampling | None = None) -> Interval:
    """The area under the checkpoints' own curve: what leaving by lot between neighbours reaches."""
    resampling = resampling or Resampling()
    right_VK = trace.right_VK.double()
    ends = trace.macs_K[0].item(), trace.macs_K[-1].item()
    value = area(right_VK.mean(0), trace.macs_K, *ends).item()
    top1_RK = resampling.means(right_VK)
    return resampling.interval(value, area(top1_RK, trace.macs_K.expand_as(top1_RK), *ends))


def budgeted(
    calibration: Trace,
    trace: Trace,
    policy: Policy,
    promise: Promise | None = None,
    percents: Sequence[int] = PERCENTS,
    resampling: Resampling | None = None,
) -> list[dict[str, object]]:
    """One row a budget that pays for the first checkpoint, its thresholds chosen on `calibration`.

    The rows have the budget in percent of full inference's cost and in GMACs; top-1 on `trace` with its
    interval; what it gains on full inference, with interval; the mean GMACs there, which may miss the budget
    a little; and the thresholds.

    promise: says the solver; its own budget or drop does not count. resampling: `Resampling()` when left out.
    """
    resampling = resampling or Resampling()
    full = trace.macs_K[-1].item()
    rows: list[dict[str, object]] = []
    for percent, chosen in _chosen(calibration, policy, promise or Promise(), percents):
        outcome = trace.replay(chosen)
        right_V = outcome.predicted_V == trace.label_V
        rows.append(
            {"percent_of_full": percent, "budget_gmacs": percent / 100 * full / 1e9}
            | resampling.mean(right_V).named("top1")
            | compare(right_V, trace.right_VK[:, -1], resampling).top1.named("change")
            | {"gmacs": outcome.mean_macs / 1e9, "threshold": chosen.threshold}
        )
    return rows


def _chosen(
    calibration: Trace, policy: Policy, promise: Promise, percents: Sequence[int]
) -> Iterator[tuple[int, Policy]]:
    """Each affordable budget with the policy that `calibrate` gives for it."""
    costs_K = calibration.macs_K / calibration.macs_K[-1]
    affordable = [percent for percent in percents if percent / 100 >= costs_K[0].item()]
    if promise.solver != "single":
        for percent in affordable:
            own = Promise(budget=f"{percent}%", solver=promise.solver, grain=promise.grain)
            yield percent, calibrate(calibration, policy, own)
        return
    # All budgets from one sweep, which is most of the work.
    curve = sweep(calibration, policy, 1000)
    for percent in affordable:
        best = best_affordable(curve.top1_P, curve.macs_P, percent / 100 * calibration.macs_K[-1].item())
        yield percent, policy.with_threshold(curve.threshold_P[best].item())
