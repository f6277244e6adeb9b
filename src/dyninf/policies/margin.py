"""Confidence as the lead of the most probable class (Scheffer et al. 2001, "best versus second best").

Legend: B clips, J checkpoints seen so far, N classes.
"""

from typing import ClassVar, Literal

from torch import Tensor

from dyninf.policies.base import Policy
from dyninf.policies.evidence import Evidence


class Margin(Policy):
    """Stop when the most probable class leads the second by the threshold; a single class leads by 1."""

    on_largest: ClassVar[Literal["exact", "bounded"] | None] = "exact"

    def scores(self, evidence: Evidence) -> Tensor:
        probability_BJN = self.probabilities(evidence)
        if probability_BJN.shape[-1] == 1:
            return probability_BJN[..., 0]
        return -probability_BJN.topk(2).values.diff(dim=-1)[..., 0]
