"""Confidence as the largest softmax probability (Huang et al. 2018, MSDNet, section 5).

Legend: B clips, J checkpoints seen so far, N classes.
"""

from typing import ClassVar, Literal

from torch import Tensor

from dyninf.policies.base import Policy
from dyninf.policies.evidence import Evidence


class MaxProbability(Policy):
    """Stop when the largest class probability at a checkpoint reaches the threshold."""

    on_largest: ClassVar[Literal["exact", "bounded"] | None] = "exact"

    def scores(self, evidence: Evidence) -> Tensor:
        return self.probabilities(evidence).amax(-1)
