"""Thresholds with a reason: chosen on a calibration trace, used on another split.

Legend: V videos, K checkpoints, P operating points.
"""

from dataclasses import dataclass

from torch import Tensor

from dyninf.policies import (
    Policy,
    best_affordable,
    budgeted_batch,
    cheapest_within,
    first_stop,
    solve_budget,
)
from dyninf.trace.curve import sweep
from dyninf.trace.trace import Trace

SOLVERS = ("single", "budgeted_batch", "direct")
_HALVINGS = 12


@dataclass(frozen=True)
class Promise:
    """What thresholds have to keep on the calibration split, and how they are chosen.

    max_drop: accuracy that may be lost against full inference, a share in [0, 1]; as cheap as that allows.
    budget: mean cost of a video in its place: GMACs, or a percentage of full inference's such as ``"50%"``.
    solver: ``single``, one threshold for all checkpoints; ``budgeted_batch`` (Huang et al. 2018) or
        ``direct`` (`policies.solve_budget`), one for each.
    grain: of the direct solver: so many videos of neighbouring scores are judged together.

    Raises ValueError that names the value if one is none of these.
    """

    max_drop: float = 0.0
    budget: float | str | None = None
    solver: str = "single"
    grain: int = 10

    def __post_init__(self) -> None:
        if not _is_number(self.max_drop) or not self.max_drop >= 0:
            raise ValueError(f"max_drop must be a number of at least 0, got {self.max_drop!r}")
        if self.solver not in SOLVERS:
            raise ValueError(f"solver must be one of {', '.join(SOLVERS)}; got {self.solver!r}")
        if self.budget is not None and self.max_drop > 0:
            raise ValueError("give max_drop or budget, not both: thresholds keep one promise")
        self.budget_macs(1.0)  # refuses what is no budget

    def budget_macs(self, full_macs: float) -> float | None:
        """The budget in MACs, None without one."""
        if self.budget is None:
            return None
        if _is_number(self.budget) and float(self.budget) > 0:
            return float(self.budget) * 1e9
        text = str(self.budget)
        try:
            share = float(text[:-1]) / 100 if text.endswith("%") else -1.0
        except ValueError:
            share = -1.0
        if not share > 0:
            raise ValueError(
                f"budget must be a number of GMACs or a percentage of full inference's such as 50%, "
                f"got {self.budget!r}"
            )
        return share * full_macs

    def __str__(self) -> str:
        if self.budget is None:
            return f"the cheapest on calibration that loses at most {self.max_drop:.1%}"
        unit = "" if isinstance(self.budget, str) else " GMACs"
        return f"the most accurate on calibration for at most {self.budget}{unit}"


def calibrate(trace: Trace, policy: Policy, promise: Promise | None = None, points: int = 1000) -> Policy:
    """The policy with the thresholds that keep a promise on `trace`; `Promise()` when left out.

    trace: of the calibration split, never of the one that is reported.
    points: thresholds that the solver ``single`` tries.

    Raises ValueError if a budget is below the first checkpoint's cost.
    """
    promise = promise or Promise()
    budget = promise.budget_macs(trace.macs_K[-1].item())
    if promise.solver == "single":
        curve = sweep(trace, policy, points)
        if budget is None:
            best = cheapest_within(curve.top1_P, curve.macs_P, trace.full().top1, promise.max_drop)
        else:
            best = best_affordable(curve.top1_P, curve.macs_P, budget)
        return policy.with_threshold(curve.threshold_P[best].item())
    scores_VK = trace.scores(policy)
    if budget is None:
        thresholds_K = _cheapest(trace, scores_VK, promise)
    else:
        thresholds_K = _within_budget(trace, scores_VK, budget, promise)
    # Scores lie in [0, 1]: 0 lets all leave and 2 nobody, as infinity does, for which JSON has no number.
    return policy.with_threshold(thresholds_K[:-1].clamp(0, 2).tolist())


def _within_budget(trace: Trace, scores_VK: Tensor, budget: float, promise: Promise) -> Tensor:
    if promise.solver == "budgeted_batch":
        return budgeted_batch(scores_VK, trace.macs_K, budget)
    return solve_budget(scores_VK, trace.right_VK, trace.macs_K, budget, promise.grain)


def _cheapest(trace: Trace, scores_VK: Tensor, promise: Promise) -> Tensor:
    """Thresholds (K,) of the smallest budget, to a few thousandths, that loses no more than promised."""
    least = trace.full().top1 - promise.max_drop - 1e-9  # shares of V videos are not exact
    low, high = trace.macs_K[0].item(), trace.macs_K[-1].item()
    best_K = _within_budget(trace, scores_VK, high, promise)  # full inference, which loses nothing
    for _ in range(_HALVINGS):
        tried = (low + high) / 2
        thresholds_K = _within_budget(trace, scores_VK, tried, promise)
        outcome = trace.stop_at(first_stop(scores_VK, thresholds_K))
        if outcome.top1 >= least:
            # What the thresholds really cost may be less than the budget.
            best_K, high = thresholds_K, min(tried, outcome.mean_macs)
        else:
            low = tried
    return best_K


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
