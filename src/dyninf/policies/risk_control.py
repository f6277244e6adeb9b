"""Thresholds whose promise holds on unseen videos, with a stated confidence.

Learn then test (Angelopoulos et al. 2021): thresholds are tried in an order that does not depend on the
calibration split, from full inference to ever cheaper ones. Each is tested; the first that fails ends it. To
certify a threshold that breaks the promise, the test must have erred on the first such in the order, which it
does with probability 1 - confidence at most. The probability is over the draw of the calibration split, whose
videos are taken to be drawn independently from where those in use come from.

Legend: V videos, K checkpoints, P thresholds.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from dyninf.policies.risk_bounds import changes_allowed, losses_allowed

RISKS = ("accuracy", "disagreement")
"""What a promise can limit: the loss of accuracy, or the share of other classes than full inference's."""


def losses(class_VK: Tensor, label_V: Tensor, risk: str) -> Tensor:
    """What leaving at each checkpoint loses against full inference, (V, K) of -1, 0 and 1.

    accuracy: 1 where full inference alone is right, -1 where the checkpoint alone is.
    disagreement: 1 where the checkpoint's class is another than full inference's.

    Raises ValueError if the risk is neither.
    """
    check_risk(risk)
    if risk == "disagreement":
        return (class_VK != class_VK[:, -1:]).long()
    right_VK = (class_VK == label_V[:, None]).long()
    return right_VK[:, -1:] - right_VK


def holds(
    lost_P: Tensor, gained_P: Tensor, videos: int, limit: float, confidence: float, risk: str
) -> Tensor:
    """Whether each of P tests shows that the mean loss of unseen videos is below `limit`.

    lost_P, gained_P: how many of the V videos have the loss 1 and -1.

    Raises ValueError if a test can show nothing with this limit, confidence or risk, or without a video.
    """
    check_risk(risk)
    allowed = losses_allowed if risk == "accuracy" else changes_allowed
    return lost_P <= allowed(videos, limit, confidence)[lost_P + gained_P]


def check_risk(risk: str) -> None:
    """Raise ValueError unless there is such a risk."""
    if risk not in RISKS:
        raise ValueError(f"risk must be one of {', '.join(RISKS)}; got {risk!r}")


@dataclass(frozen=True, eq=False)
class Descent:
    """One threshold for all checkpoints, let down from where nobody leaves early to where all leave first.

    threshold_P: the first is infinity. All thresholds above the next one down to this have the same effect on
        these videos, so that going through them is going through all numbers.
    lost_P, gained_P: videos with the loss 1 and -1 there. cost_P: mean cost.
    """

    threshold_P: Tensor
    lost_P: Tensor
    gained_P: Tensor
    cost_P: Tensor

    @classmethod
    def of(cls, scores_VK: Tensor, loss_VK: Tensor, macs_K: Tensor) -> "Descent":
        """Raises ValueError if shapes do not fit, a score is not finite, or a loss is none of -1, 0, 1."""
        V, K = scores_VK.shape
        if loss_VK.shape != (V, K) or len(macs_K) != K:
            raise ValueError(
                f"scores {(V, K)} need as many losses and {K} costs, got {tuple(loss_VK.shape)} "
                f"and {len(macs_K)}"
            )
        if not scores_VK.isfinite().all():
            raise ValueError("thresholds cannot be chosen from scores that are not finite numbers")
        if not loss_VK.abs().le(1).all() or loss_VK[:, -1].any() or loss_VK.is_floating_point():
            raise ValueError("losses against full inference are -1, 0 and 1, and 0 at the last checkpoint")
        # When the threshold comes down to a video's best score so far at k, it leaves at k and no longer at
        # k + 1 or, where its best score there is the same, passes k + 1 at once.
        best_VK = scores_VK[:, :-1].double().cpu().cummax(1).values
        ordered_E, place_E = best_VK.flatten().sort(descending=True)
        last_E = torch.ones_like(ordered_E, dtype=torch.bool)
        last_E[:-1] = ordered_E[1:] != ordered_E[:-1]  # equal scores leave together

        def after_P(value_VK: Tensor) -> Tensor:
            """The sum over videos, before and after each step."""
            value_VK = value_VK.cpu()
            step_E = (value_VK[:, :-1] - value_VK[:, 1:]).flatten()[place_E]
            return value_VK[:, -1].sum() + torch.cat([step_E[:0].sum()[None], step_E.cumsum(0)[last_E]])

        return cls(
            torch.cat([torch.tensor([torch.inf], dtype=torch.float64), ordered_E[last_E]]),
            after_P((loss_VK > 0).long()),
            after_P((loss_VK < 0).long()),
            after_P(macs_K.double().expand(V, K)) / max(V, 1),
        )

    def last_held(self, held_P: Tensor) -> int:
        """The place before the first whose test failed; the first, full inference, needs none."""
        failed_p = (~held_P[1:]).nonzero()[:, 0]
        return int(failed_p[0]) if len(failed_p) else len(held_P) - 1

    def between(self, place: int) -> float:
        """A threshold with the effect of the one at `place`, halfway to the next: rounding decides nothing.

        Infinity at the first place, and minus infinity at the last.
        """
        if place == 0:
            return torch.inf
        if place == len(self.threshold_P) - 1:
            return -torch.inf
        above, below = self.threshold_P[place].item(), self.threshold_P[place + 1].item()
        half = below + (above - below) / 2
        return half if half > below else above


def controlled_threshold(
    scores_VK: Tensor,
    loss_VK: Tensor,
    macs_K: Tensor,
    limit: float,
    confidence: float,
    risk: str = "accuracy",
) -> float:
    """The lowest threshold, for all checkpoints, that is certified; infinity if there is none.

    With probability `confidence` over the draw of the V videos the mean loss of unseen ones is then below
    `limit`. Nothing may have been fitted on these videos: neither the scores nor their temperature.

    Raises ValueError as `Descent.of` and `holds`.
    """
    descent = Descent.of(scores_VK, loss_VK, macs_K)
    held_P = holds(descent.lost_P, descent.gained_P, len(scores_VK), limit, confidence, risk)
    return descent.between(descent.last_held(held_P))
