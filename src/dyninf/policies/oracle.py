"""Leaving where the answer is right: the ceiling of what a criterion can reach, and not a method.

Legend: B clips, J checkpoints seen so far, N classes.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

from torch import Tensor

from dyninf.policies.base import Policy
from dyninf.policies.evidence import Evidence
from dyninf.policies.outcome import ranked_classes


class Oracle(Policy):
    """Stop at the first checkpoint that is right, which only the label tells; else at the last.

    The score is 1 where the class is right, else 0. No policy on the same checkpoints is more accurate.
    """

    sees_labels: ClassVar[bool] = True
    on_largest: ClassVar[Literal["exact", "bounded"] | None] = "exact"

    def __init__(self, threshold: float | Sequence[float] | None = 1.0) -> None:
        super().__init__(threshold)

    def scores(self, evidence: Evidence) -> Tensor:
        if evidence.label_B is None:
            raise ValueError("Oracle is no method and cannot judge without the labels; give label_B")
        class_BJ = ranked_classes(evidence.logits_BJN)[..., 0]
        return (class_BJ == evidence.label_B[:, None]).double()
