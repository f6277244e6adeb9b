"""Confidence as the largest softmax probability (Huang et al. 2018, MSDNet, section 5).

Legend: B clips, J checkpoints seen so far, N classes.
"""

from torch import Tensor

from dyninf.policies.base import Policy
from dyninf.policies.evidence import Evidence


class MaxProbability(Policy):
    """Stop when the largest class probability at a checkpoint reaches the threshold."""

    def scores(self, evidence: Evidence) -> Tensor:
        # In float32 half of a good network's probabilities would round to 1 and could not be told apart.
        return evidence.logits_BJN.double().softmax(-1).amax(-1)
