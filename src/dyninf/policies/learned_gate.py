"""Confidence as learned: what the gates of the network say (Ghodrati et al. 2021, FrameExit).

Legend: B clips, J checkpoints seen so far.
"""

from typing import ClassVar, Literal

from torch import Tensor

from dyninf.policies.base import Policy
from dyninf.policies.evidence import Evidence


class LearnedGate(Policy):
    """Stop when the gate of a checkpoint gives at least the threshold; its score is a fitted probability."""

    needs_gates: ClassVar[bool] = True
    on_largest: ClassVar[Literal["exact", "bounded"] | None] = "exact"

    def scores(self, evidence: Evidence) -> Tensor:
        if evidence.gate_BJ is None:
            raise ValueError(
                "LearnedGate needs the scores of gates (gate_BJ), and the network or the trace has none; "
                "fit gates with python -m dyninf.fit_gates checkpoint=PATH"
            )
        return evidence.gate_BJ
