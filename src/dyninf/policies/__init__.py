"""When to stop, and how thresholds are chosen."""

from dyninf.policies.base import LogitsNotFiniteError, Policy, check_logits, first_stop
from dyninf.policies.choose import cheapest_within
from dyninf.policies.max_probability import MaxProbability
from dyninf.policies.outcome import Outcome, ranked_classes

__all__ = [
    "LogitsNotFiniteError",
    "MaxProbability",
    "Outcome",
    "Policy",
    "cheapest_within",
    "check_logits",
    "first_stop",
    "ranked_classes",
]
