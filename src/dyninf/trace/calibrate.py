"""Thresholds with a reason: chosen on a calibration trace, used on another split.

Legend: V videos, K checkpoints, P operating points.
"""

from dataclasses import dataclass
from typing import cast

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
from dyninf.trace.milliseconds import Milliseconds
from dyninf.trace.trace import Trace

SOLVERS = ("single", "budgeted_batch", "direct")
_HALVINGS = 12


@dataclass(frozen=True)
class Promise:
    """What thresholds have to keep on the calibration split, and how they are chosen.

    max_drop: accuracy that may be lost against full inference, a share in [0, 1]; as cheap as that allows.
    budget: mean cost of a video in its place: GMACs, a percentage of full inference's such as ``"50%"``, or
        milliseconds such as ``"15ms"``.
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
        self.budget_cost(1.0)  # refuses what is no budget

    @property
    def unit(self) -> str | None:
        """What the budget is counted in: ``GMACs``, ``%`` or ``ms``; None without one."""
        if self.budget is None:
            return None
        return next((unit for unit in ("%", "ms") if str(self.budget).endswith(unit)), "GMACs")

    def budget_cost(self, full_cost: float) -> float | None:
        """The budget in the unit of full inference's cost: milliseconds where `unit` is ms, else MACs.

        None without one.
        """
        unit = self.unit
        if unit is None:
            return None
        if unit == "GMACs":
            number = float(cast(float, self.budget)) if _is_number(self.budget) else -1.0
        else:
            try:
                number = float(str(self.budget).removesuffix(unit))
            except ValueError:
                number = -1.0
        if not number > 0:
            raise ValueError(
                f"budget must be a number of GMACs or a percentage of full inference's such as 50%, or "
                f"milliseconds such as 15ms; got {self.budget!r}"
            )
        return number * {"GMACs": 1e9, "%": full_cost / 100, "ms": 1.0}[unit]

    def __str__(self) -> str:
        if self.budget is None:
            return f"the cheapest on calibration that loses at most {self.max_drop:.1%}"
        unit = "" if isinstance(self.budget, str) else " GMACs"
        return f"the most accurate on calibration for at most {self.budget}{unit}"


def calibrate(
    trace: Trace,
    policy: Policy,
    promise: Promise | None = None,
    points: int = 1000,
    milliseconds: Milliseconds | None = None,
) -> Policy:
    """The policy with the thresholds that keep a promise on `trace`; `Promise()` when left out.

    trace: of the calibration split, never of the one that is reported.
    points: thresholds that the solver ``single`` tries.
    milliseconds: of the trace's network, for a budget in them.

    Raises ValueError if a budget is below the first checkpoint's cost, or in milliseconds without their table
    or with one that does not fit.
    """
    promise = promise or Promise()
    if promise.unit == "ms":
        if milliseconds is None:
            raise ValueError(f"a budget of {promise.budget} needs a table of milliseconds: milliseconds=FILE")
        trace = milliseconds.instead_of_macs(trace)  # solvers take costs in any unit
    budget = promise.budget_cost(trace.macs_K[-1].item())
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
