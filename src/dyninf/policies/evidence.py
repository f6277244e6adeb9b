"""What a policy may look at.

Legend: B clips or V videos, J checkpoints seen so far, N classes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Evidence:
    """What is known of the clips of a batch at checkpoint J; a video in several views counts as one clip.

    logits_BJN: of the checkpoints so far.
    label_B: the true classes where they are known; only for policies that are no methods (`Oracle`).
    clip_B: the number of each clip in its split, int64: its row in a trace.

    gate_BJ: scores of the network's gates at these checkpoints, where it has gates; only for `LearnedGate`.

    A policy that needs more gets it as one more optional field here, filled by `infer` and by a trace alike.

    Raises ValueError if labels or clip numbers are not one integer a clip, or gates no score a checkpoint.
    """

    logits_BJN: Tensor
    label_B: Tensor | None = None
    clip_B: Tensor | None = None
    gate_BJ: Tensor | None = None

    def __post_init__(self) -> None:
        for name, value in (("label", self.label_B), ("clip number", self.clip_B)):
            if value is None:
                continue
            if value.shape != self.logits_BJN.shape[:1] or value.is_floating_point():
                raise ValueError(
                    f"{len(self.logits_BJN)} clips need one {name} each, integers; "
                    f"got {value.dtype} of shape {tuple(value.shape)}"
                )
        if self.gate_BJ is not None and self.gate_BJ.shape != self.logits_BJN.shape[:2]:
            raise ValueError(
                f"gates need a score a clip and checkpoint, {tuple(self.logits_BJN.shape[:2])}; "
                f"got {tuple(self.gate_BJ.shape)}"
            )

    def and_then(self, logits_BN: Tensor, gate_B: Tensor | None = None) -> Self:
        """With the logits of the next checkpoint and, for a network with gates, the score of its gate."""
        gate_BJ = None if gate_B is None else gate_B[:, None]
        if gate_BJ is not None and self.gate_BJ is not None:
            gate_BJ = torch.cat([self.gate_BJ, gate_BJ], 1)
        logits_BJN = torch.cat([self.logits_BJN, logits_BN[:, None]], 1)
        return replace(self, logits_BJN=logits_BJN, gate_BJ=gate_BJ)

    def __getitem__(self, chosen_B: Tensor) -> Self:
        """The evidence of some clips."""
        return replace(
            self,
            logits_BJN=self.logits_BJN[chosen_B],
            label_B=None if self.label_B is None else self.label_B[chosen_B],
            clip_B=None if self.clip_B is None else self.clip_B[chosen_B],
            gate_BJ=None if self.gate_BJ is None else self.gate_BJ[chosen_B],
        )


class LogitsNotFiniteError(ValueError):
    """A logit is not a number, or infinite: no policy can judge it.

    clip, checkpoint: the place, from 0; video: its name where one is known.
    """

    def __init__(self, clip: int, checkpoint: int, video: str | None = None) -> None:
        where = f"clip {clip}" if video is None else f"video {video}"
        super().__init__(
            f"the logits of {where} at checkpoint {checkpoint} (from 0) are not finite: no policy can judge "
            "them (diverged training, or a broken input?)"
        )
        self.clip = clip
        self.checkpoint = checkpoint


def check_logits(logits_BJN: Tensor, video_ids: Sequence[str] | None = None) -> None:
    """Raise LogitsNotFiniteError, with the first place, if a logit is not a number or is infinite."""
    bad_BJ = ~logits_BJN.isfinite().all(-1)
    if bad_BJ.any():
        clip, checkpoint = bad_BJ.nonzero()[0].tolist()
        raise LogitsNotFiniteError(clip, checkpoint, video_ids[clip] if video_ids is not None else None)
