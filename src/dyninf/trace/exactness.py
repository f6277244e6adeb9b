"""What a trace that keeps the largest logits alone can tell of a policy's scores."""

from typing import Literal

from dyninf.policies import Policy
from dyninf.trace.logits import LogitsForm

LARGEST_DOUBT = 0.01
"""Of a score in [0, 1], that a policy may have for want of logits; thresholds are rarely told finer."""


def exactness_of(policy: Policy, form: LogitsForm) -> Literal["exact", "bounded"]:
    """Whether a form tells a policy's scores, or bounds for them.

    Raises ValueError for a policy that says neither of itself (`Policy.on_largest`).
    """
    if form.top is None:
        return "exact"
    # A subclass with scores of its own says itself what these are.
    kind = next(each for each in type(policy).__mro__ if "scores" in vars(each))
    on_largest: Literal["exact", "bounded"] | None = vars(kind).get("on_largest")
    if on_largest is None:
        raise ValueError(
            f"{type(policy).__name__} may read all logits, and this trace has the {form.top} largest alone; "
            "record it with trace_logits=float16 or float32 (or let the policy say what it reads: on_largest)"
        )
    return "bounded" if policy.temperature is not None else on_largest


def check_doubt(policy: Policy, form: LogitsForm, doubt: float) -> None:
    """Raise ValueError if scores may be off by more than `LARGEST_DOUBT`."""
    if doubt > LARGEST_DOUBT:
        raise ValueError(
            f"the {form.top} largest logits do not tell {type(policy).__name__} enough: its scores on this "
            f"trace may be off by {doubt:.3f}; record it with trace_logits=float16, or keep more of them"
        )
