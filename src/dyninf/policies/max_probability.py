"""Confidence as the largest softmax probability (Huang et al. 2018, MSDNet)."""

from torch import Tensor

from dyninf.policies.base import Policy


class MaxProbability(Policy):
    """Stop when the largest class probability at a checkpoint reaches the threshold."""

    def scores(self, logits_BJN: Tensor) -> Tensor:
        # In float32 half of a good network's probabilities would round to 1 and could not be told apart.
        return logits_BJN.double().softmax(-1).amax(-1)
