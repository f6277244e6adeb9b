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
    check_risk,
    first_stop,
    fit_temperature,
    solve_budget,
)
from dyninf.policies.risk_bounds import check_promise
from dyninf.split_name import are_same_videos
from dyninf.trace.certify import (
    NEVER,
    certified_of_budgets,
    halves,
    losses_of,
    nothing_certified,
    one_certified,
)
from dyninf.trace.curve import sweep
from dyninf.trace.milliseconds import Milliseconds
from dyninf.trace.trace import Trace

SOLVERS = ("single", "budgeted_batch", "direct")
_HALVINGS = 12


@dataclass(frozen=True)
class Promise:
    """What thresholds have to keep, and how they are chosen on the calibration split.

    max_drop: accuracy that may be lost against full inference, a share in [0, 1]; as cheap as that allows.
        It is kept on the calibration split, and beyond it as far as that is like other videos.
    confidence: the probability, over the draw of the calibration split, with which `max_drop` is kept on all
        videos that are drawn as it was, such as 0.95 (`policies.risk_control`); None for no such statement.
    risk: what `max_drop` limits under a confidence: the loss of ``accuracy``, or ``disagreement``, the share
        of videos that get another class than from full inference.
    budget: mean cost of a video in its place: GMACs, a percentage of full inference's such as ``"50%"``, or
        milliseconds such as ``"15ms"``.
    solver: ``single``, one threshold for all checkpoints; ``budgeted_batch`` (Huang et al. 2018) or
        ``direct`` (`policies.solve_budget`), one for each.
    grain: of the direct solver: so many videos of neighbouring scores are judged together.
    temperature_scaling: fit the policy's temperature at each checkpoint first (`policies.temperature`).

    Raises ValueError that names the value if one is none of these.
    """

    max_drop: float = 0.0
    budget: float | str | None = None
    solver: str = "single"
    grain: int = 10
    confidence: float | None = None
    risk: str = "accuracy"
    temperature_scaling: bool = False

    def __post_init__(self) -> None:
        if not _is_number(self.max_drop) or not self.max_drop >= 0:
            raise ValueError(f"max_drop must be a number of at least 0, got {self.max_drop!r}")
        if self.solver not in SOLVERS:
            raise ValueError(f"solver must be one of {', '.join(SOLVERS)}; got {self.solver!r}")
        if self.budget is not None and self.max_drop > 0:
            raise ValueError("give max_drop or budget, not both: thresholds keep one promise")
        self.budget_cost(1.0)  # refuses what is no budget
        check_risk(self.risk)
        if self.confidence is None:
            if self.risk != "accuracy":
                raise ValueError(f"risk={self.risk} needs a confidence, such as 0.95")
        elif self.budget is not None:
            raise ValueError("a confidence goes with max_drop, not with a budget, which promises no accuracy")
        elif not _is_number(self.confidence):
            raise ValueError(f"confidence must be a number such as 0.95, or null; got {self.confidence!r}")
        else:
            check_promise(self.max_drop, self.confidence)

    @property
    def splits(self) -> bool:
        """Whether half of the calibration videos is for fitting and the other for testing what was fitted.

        A test on what thresholds or temperatures were fitted on would not hold.
        """
        return self.confidence is not None and (self.temperature_scaling or self.solver != "single")

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
        if self.confidence is not None:
            on = "on the half of calibration that nothing was fitted on" if self.splits else "on calibration"
            what = (
                "loses less than"
                if self.risk == "accuracy"
                else "answers otherwise than full inference for less than"
            )
            return (
                f"the cheapest certified {on}; {what} {self.max_drop:.1%} at {self.confidence:.0%} confidence"
            )
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
    points: thresholds that the solver ``single`` tries without a confidence; with one it tries all.
    milliseconds: of the trace's network, for a budget in them.

    Where nothing can be certified, the thresholds are those of full inference, and `uncertified` says so.

    Raises ValueError if a budget is below the first checkpoint's cost, or in milliseconds without their table
    or with one that does not fit; if a temperature to be fitted is given as well; if there is no video, or
    only one of what has to be split.
    """
    promise = promise or Promise()
    if promise.unit == "ms":
        if milliseconds is None:
            raise ValueError(f"a budget of {promise.budget} needs a table of milliseconds: milliseconds=FILE")
        trace = milliseconds.instead_of_macs(trace)  # solvers take costs in any unit
    fitted, tested = halves(trace) if promise.splits else (trace, trace)
    if promise.temperature_scaling:
        if policy.temperature is not None:
            raise ValueError("give policy.temperature or temperature_scaling, not both")
        policy = policy.with_temperature(fit_temperature(fitted.logits_VKN, fitted.label_V))
    if promise.confidence is not None:
        rule = (promise.max_drop, promise.confidence, promise.risk)
        if promise.solver == "single":
            return one_certified(tested, policy, *rule)
        scores_VK = fitted.scores(policy)
        return certified_of_budgets(
            tested, policy, lambda budget: _within_budget(fitted, scores_VK, budget, promise), *rule
        )
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
    return policy.with_threshold(thresholds_K[:-1].clamp(0, NEVER).tolist())


def uncertified(trace: Trace, policy: Policy, promise: Promise) -> str | None:
    """One line if `policy`, which `calibrate` gave for `trace`, is full inference for want of certainty."""
    if promise.confidence is None:
        return None
    tested = halves(trace)[1] if promise.splits else trace
    return nothing_certified(tested, policy, promise.max_drop, promise.confidence)


def _within_budget(trace: Trace, scores_VK: Tensor, budget: float, promise: Promise) -> Tensor:
    if promise.solver == "budgeted_batch":
        return budgeted_batch(scores_VK, trace.macs_K, budget)
    # What counts as a good answer is what the promise is about: the right one, or full inference's.
    good_VK = trace.right_VK if promise.risk == "accuracy" else losses_of(trace, promise.risk) == 0
    return solve_budget(scores_VK, good_VK, trace.macs_K, budget, promise.grain)


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


def check_calibration(trace: Trace, calibration: Trace | None) -> None:
    """Raise ValueError if `calibration` is a trace of another network, or of the split that is reported."""
    if calibration is None:
        return
    calibration.check_same_network(trace)
    if are_same_videos(calibration.info.split, trace.info.split):
        raise ValueError(f"a threshold cannot be chosen on the split that is reported ({trace.info.split})")
