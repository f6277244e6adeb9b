"""When to stop: a score that grows with confidence, and thresholds for it.

Legend: B clips or V videos, J checkpoints seen so far, K checkpoints in all, N classes.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

import torch
from torch import Tensor


class Policy(ABC):
    """Stop at the first checkpoint whose score reaches its threshold; the last one always accepts.

    threshold: one number for all checkpoints, or one per checkpoint (the last one's is not used and may
    be left out). None means "not chosen yet": such a policy can score but not stop.

    Raises ValueError if a threshold is not a number.
    """

    def __init__(self, threshold: float | Sequence[float] | None = None) -> None:
        self.threshold = threshold
        if threshold is not None and torch.as_tensor(threshold, dtype=torch.float64).isnan().any():
            raise ValueError(f"threshold {threshold} is not a number")

    @abstractmethod
    def scores(self, logits_BJN: Tensor) -> Tensor:
        """Scores (B, J); the one at checkpoint j may use the logits up to j and no later ones."""

    def with_threshold(self, threshold: float | Sequence[float]) -> Self:
        """The same policy with another threshold."""
        return type(self)(threshold)

    def thresholds(self, num_checkpoints: int) -> Tensor:
        """Thresholds (K,), float64 on the CPU; minus infinity at the last checkpoint.

        Raises ValueError if none was chosen or their number does not fit.
        """
        if self.threshold is None:
            raise ValueError(
                f"{type(self).__name__} has no threshold yet; give one, or choose it on a calibration trace"
            )
        given = torch.as_tensor(self.threshold, dtype=torch.float64)
        if given.ndim == 0:
            given = given.repeat(num_checkpoints)
        if given.ndim != 1 or len(given) not in (num_checkpoints - 1, num_checkpoints):
            raise ValueError(
                f"{given.numel()} thresholds for {num_checkpoints} checkpoints; give one number, "
                f"or one per checkpoint ({num_checkpoints}, or {num_checkpoints - 1} without the last)"
            )
        last = torch.tensor([-torch.inf], dtype=torch.float64)
        return torch.cat([given[: num_checkpoints - 1], last])

    def stops(self, logits_BJN: Tensor, num_checkpoints: int) -> Tensor:
        """Which clips (B,) stop at checkpoint J, given their logits at it and at those before.

        Raises ValueError if a logit is not a number.
        """
        check_logits(logits_BJN)
        threshold = self.thresholds(num_checkpoints)[logits_BJN.shape[1] - 1]
        return self.scores(logits_BJN)[:, -1].double() >= threshold.to(logits_BJN.device)


def first_stop(scores_VK: Tensor, thresholds_K: Tensor) -> Tensor:
    """The checkpoint (V,), from 0, at which each video stops."""
    return (scores_VK >= thresholds_K).to(torch.int8).argmax(1)


def check_logits(logits_BJN: Tensor) -> None:
    """Raise ValueError, with the first place, if a logit is not a number or is infinite."""
    bad_BJ = ~logits_BJN.isfinite().all(-1)
    if bad_BJ.any():
        clip, checkpoint = bad_BJ.nonzero()[0].tolist()
        raise ValueError(
            f"the logits of clip {clip} at checkpoint {checkpoint} are not finite: no policy can judge them "
            "(diverged training, or a broken input?)"
        )
