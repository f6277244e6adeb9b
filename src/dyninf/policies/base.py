"""When to stop: a score that grows with confidence, and thresholds for it.

Legend: B clips or V videos, J checkpoints seen so far, K checkpoints in all, N classes.
"""

import copy
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
        self.threshold = _checked(threshold)

    @abstractmethod
    def scores(self, logits_BJN: Tensor) -> Tensor:
        """Scores (B, J); the one at checkpoint j may use the logits up to j and no later ones."""

    def with_threshold(self, threshold: float | Sequence[float]) -> Self:
        """The same policy with another threshold."""
        other = copy.copy(self)
        other.threshold = _checked(threshold)
        return other

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

        Raises LogitsNotFiniteError if a logit is not a number.
        """
        check_logits(logits_BJN)
        threshold = self.thresholds(num_checkpoints)[logits_BJN.shape[1] - 1]
        score_B = self.scores(logits_BJN)[:, -1].double()
        _check_scores(score_B)
        return score_B >= threshold.to(logits_BJN.device)


def first_stop(scores_VK: Tensor, thresholds_K: Tensor) -> Tensor:
    """The checkpoint (V,), from 0, at which each video stops; ValueError if a score is not a number."""
    _check_scores(scores_VK)
    return (scores_VK >= thresholds_K).to(torch.int8).argmax(1)


class LogitsNotFiniteError(ValueError):
    """A logit is not a number, or infinite: no policy can judge it.

    clip, checkpoint: the place, from 0; video: its name where one is known.
    """

    def __init__(self, clip: int, checkpoint: int, video: str | None = None) -> None:
        where = f"clip {clip}" if video is None else f"video {video}"
        super().__init__(
            f"the logits of {where} at checkpoint {checkpoint} are not finite: no policy can judge them "
            "(diverged training, or a broken input?)"
        )
        self.clip = clip
        self.checkpoint = checkpoint


def check_logits(logits_BJN: Tensor, video_ids: Sequence[str] | None = None) -> None:
    """Raise LogitsNotFiniteError, with the first place, if a logit is not a number or is infinite."""
    bad_BJ = ~logits_BJN.isfinite().all(-1)
    if bad_BJ.any():
        clip, checkpoint = bad_BJ.nonzero()[0].tolist()
        raise LogitsNotFiniteError(clip, checkpoint, video_ids[clip] if video_ids is not None else None)


def _check_scores(scores: Tensor) -> None:
    if scores.isnan().any():  # would neither reach a threshold nor be accepted by the last checkpoint
        raise ValueError("a policy gave a score that is not a number")


def _checked(threshold: float | Sequence[float] | None) -> float | Sequence[float] | None:
    try:
        valid = threshold is None or not torch.as_tensor(threshold, dtype=torch.float64).isnan().any()
    except (TypeError, ValueError):  # words, or rows of different lengths
        valid = False
    if not valid:
        raise ValueError(f"threshold {threshold!r} is not a number, nor a list of numbers")
    return threshold
