"""Confidence as agreement between checkpoints (Zhou et al. 2020, PABEE).

Legend: B clips, J checkpoints seen so far, N classes.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

from dyninf.policies.base import Policy
from dyninf.policies.evidence import Evidence
from dyninf.policies.outcome import ranked_classes


class Patience(Policy):
    """Stop when n checkpoints in a row have given the same class.

    The score is 1 - 1/n for the n checkpoints up to this one that agree with it: 0, 1/2, 2/3 …
    PABEE's patience counts repetitions, and is n - 1.

    in_a_row: n, in place of the threshold 1 - 1/n; 1 stops at the first checkpoint.

    Raises ValueError if it is no whole number of at least 1, or a threshold is given as well.
    """

    on_largest: ClassVar[Literal["exact", "bounded"] | None] = "exact"

    def __init__(self, in_a_row: int | None = None, threshold: float | Sequence[float] | None = None) -> None:
        if in_a_row is not None:
            if isinstance(in_a_row, bool) or not isinstance(in_a_row, int) or in_a_row < 1:
                raise ValueError(f"in_a_row must be a whole number of at least 1, got {in_a_row!r}")
            if threshold is not None:
                raise ValueError("give in_a_row or a threshold, not both: in_a_row is the threshold 1 - 1/n")
            threshold = 1 - 1 / in_a_row
        super().__init__(threshold)

    def scores(self, evidence: Evidence) -> Tensor:
        class_BJ = ranked_classes(evidence.logits_BJN)[..., 0]
        place_J = torch.arange(class_BJ.shape[1], device=class_BJ.device)
        changes_BJ = torch.ones_like(class_BJ, dtype=torch.bool)
        changes_BJ[:, 1:] = class_BJ[:, 1:] != class_BJ[:, :-1]
        since_BJ = torch.where(changes_BJ, place_J, 0).cummax(1).values
        return 1 - 1 / (place_J - since_BJ + 1).double()
