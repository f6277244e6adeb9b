"""Confidence as low entropy of the class probabilities (Teerapittayanon et al. 2016, BranchyNet).

Legend: B clips, J checkpoints seen so far, N classes.
"""

import math
from typing import ClassVar, Literal

import torch
from torch import Tensor

from dyninf.policies.base import Policy
from dyninf.policies.evidence import Evidence


class Entropy(Policy):
    """Stop when 1 - H / log N reaches the threshold: 1 for a certain class, 0 where all are equally likely.

    BranchyNet leaves where the entropy H is below a number; so that a larger score means more confidence here
    as elsewhere, and thresholds do not depend on the number of classes, it is normalised and turned round.
    """

    on_largest: ClassVar[Literal["exact", "bounded"] | None] = "bounded"

    def scores(self, evidence: Evidence) -> Tensor:
        probability_BJN = self.probabilities(evidence)
        most = math.log(
            max(probability_BJN.shape[-1], 2)
        )  # a single class has entropy 0 of whatever there is
        # entr is 0 at 0, where p log p is not a number. The sum over equal classes may round to above log N.
        return (1 - torch.special.entr(probability_BJN).sum(-1) / most).clamp(0, 1)
