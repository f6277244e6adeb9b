"""When to stop: a score that grows with confidence, and thresholds for it.

Legend: B clips or V videos, J checkpoints seen so far, K checkpoints in all, N classes.
"""

import copy
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import ClassVar, Literal, Self

import torch
from torch import Tensor

from dyninf.policies.evidence import Evidence, check_logits
from dyninf.policies.temperature import checked_temperature, scaled


class Policy(ABC):
    """Stop at the first checkpoint whose score reaches its threshold; the last one always accepts.

    Scores lie in [0, 1], larger ones mean more confidence. sees_labels: what it decides from is not there in
    use, so it is a bound for methods and none itself. needs_gates: it asks the gates of the network.

    on_largest: what its scores are on the largest few logits with the sum of the other probabilities, as
        traces may keep them: ``exact`` where no more is read than the largest probability, the lead of the
        first class over the second, and which class is first; ``bounded`` where the score is Schur-concave
        or Schur-convex in the probabilities, so that spreading the others evenly, or putting them together,
        bounds it; None where neither is known, and such traces are refused.

    threshold: one number for all checkpoints, or one per checkpoint (the last one's is not used and may
    be left out). None means "not chosen yet": such a policy can score but not stop.

    temperature: what logits are divided by before their probabilities are taken for a score: one number for
        all checkpoints, or one per checkpoint; None is 1. Classes stay what they are. Policies whose score is
        not made of probabilities ignore it.

    Raises ValueError if a threshold is not a number, or a temperature not one above 0.
    """

    sees_labels: ClassVar[bool] = False
    needs_gates: ClassVar[bool] = False
    on_largest: ClassVar[Literal["exact", "bounded"] | None] = None

    def __init__(
        self,
        threshold: float | Sequence[float] | None = None,
        temperature: float | Sequence[float] | None = None,
    ) -> None:
        self.threshold = _checked(threshold)
        self.temperature = checked_temperature(temperature)

    @abstractmethod
    def scores(self, evidence: Evidence) -> Tensor:
        """Scores (B, J); the one at checkpoint j may use the logits up to j and no later ones.

        Raises ValueError if the policy needs evidence that is missing.
        """

    def with_threshold(self, threshold: float | Sequence[float]) -> Self:
        """The same policy with another threshold."""
        other = copy.copy(self)
        other.threshold = _checked(threshold)
        return other

    def check_fits(self, num_checkpoints: int, has_gates: bool) -> None:
        """Raise ValueError if it cannot judge a network with so many checkpoints, with gates or without."""
        if self.needs_gates and not has_gates:
            raise ValueError(
                f"{type(self).__name__} asks the gates of a network, and this one has none; "
                "fit them with python -m dyninf.fit_gates checkpoint=PATH"
            )
        if self.threshold is not None:
            self.thresholds(num_checkpoints)

    def with_temperature(self, temperature: float | Sequence[float] | None) -> Self:
        """The same policy with another temperature."""
        other = copy.copy(self)
        other.temperature = checked_temperature(temperature)
        return other

    def probabilities(self, evidence: Evidence) -> Tensor:
        """Class probabilities (B, J, N), float64, under the temperature.

        In float32 half of a good network's probabilities would round to 1 and could not be told apart.
        """
        return scaled(evidence.logits_BJN, self.temperature).softmax(-1)

    def thresholds(self, num_checkpoints: int) -> Tensor:
        """Thresholds (K,), float64 on the CPU; minus infinity at the last checkpoint.

        Raises ValueError if none was chosen, or their number or that of the temperatures does not fit.
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
        if isinstance(self.temperature, Sequence) and len(self.temperature) != num_checkpoints:
            raise ValueError(
                f"{len(self.temperature)} temperatures for {num_checkpoints} checkpoints; "
                "give one number, or one each"
            )
        last = torch.tensor([-torch.inf], dtype=torch.float64)
        return torch.cat([given[: num_checkpoints - 1], last])

    def stops(self, evidence: Evidence, num_checkpoints: int) -> Tensor:
        """Which clips (B,) stop at checkpoint J, given the evidence at it and at those before.

        Raises LogitsNotFiniteError if a logit is not a number, ValueError if needed evidence is missing.
        """
        check_logits(evidence.logits_BJN)
        threshold = self.thresholds(num_checkpoints)[evidence.logits_BJN.shape[1] - 1]
        score_B = self.scores(evidence)[:, -1].double()
        _check_scores(score_B)
        return score_B >= threshold.to(score_B.device)


def first_stop(scores_VK: Tensor, thresholds_K: Tensor) -> Tensor:
    """The checkpoint (V,), from 0, at which each video stops; ValueError if a score is not a number."""
    _check_scores(scores_VK)
    return (scores_VK >= thresholds_K).to(torch.int8).argmax(1)


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
