"""Confidence as the largest softmax probability (Huang et al. 2018, MSDNet)."""

from torch import Tensor

from dyninf.policies.base import Policy


class MaxProbability(Policy):
    """Stop when the largest class probability at a checkpoint reaches the threshold."""

    def scores(self, logits_BJN: Tensor) -> Tensor:
        return logits_BJN.softmax(-1).amax(-1)
