"""When to stop, and how thresholds are chosen."""

from dyninf.policies.base import Policy, first_stop
from dyninf.policies.budgeted_batch import budgeted_batch, exit_shares, share_thresholds
from dyninf.policies.choose import best_affordable, cheapest_within
from dyninf.policies.entropy import Entropy
from dyninf.policies.evidence import Evidence, LogitsNotFiniteError, check_logits
from dyninf.policies.learned_gate import LearnedGate
from dyninf.policies.margin import Margin
from dyninf.policies.max_probability import MaxProbability
from dyninf.policies.oracle import Oracle
from dyninf.policies.outcome import Outcome, ranked_classes
from dyninf.policies.patience import Patience
from dyninf.policies.random_exit import RandomExit
from dyninf.policies.risk_bounds import changes_allowed, losses_allowed, videos_needed
from dyninf.policies.risk_control import RISKS, Descent, check_risk, controlled_threshold, holds, losses
from dyninf.policies.solve_budget import one_checkpoint, one_threshold, solve_budget
from dyninf.policies.temperature import fit_temperature, scaled

__all__ = [
    "RISKS",
    "Descent",
    "Entropy",
    "Evidence",
    "LearnedGate",
    "LogitsNotFiniteError",
    "Margin",
    "MaxProbability",
    "Oracle",
    "Outcome",
    "Patience",
    "Policy",
    "RandomExit",
    "best_affordable",
    "budgeted_batch",
    "changes_allowed",
    "cheapest_within",
    "check_logits",
    "check_risk",
    "controlled_threshold",
    "exit_shares",
    "first_stop",
    "fit_temperature",
    "holds",
    "losses",
    "losses_allowed",
    "one_checkpoint",
    "one_threshold",
    "ranked_classes",
    "scaled",
    "share_thresholds",
    "solve_budget",
    "videos_needed",
]
