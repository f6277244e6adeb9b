"""What a policy did on a split, simulated or for real.

Legend: V videos, K checkpoints, N classes, n ≤ 5 of them.
"""

from dataclasses import dataclass
from typing import Self

import torch
from torch import Tensor


@dataclass(frozen=True, eq=False)
class Outcome:
    """Accuracy and cost of a policy on a split.

    checkpoint_V: where each video stopped, from 0.
    predicted_V: the class each video got.
    top1, top5: shares in [0, 1].
    mean_macs: multiply-adds a video.
    exit_share_K: share of the videos that stopped at each checkpoint.
    """

    checkpoint_V: Tensor
    predicted_V: Tensor
    top1: float
    top5: float
    mean_macs: float
    exit_share_K: Tensor

    @classmethod
    def of(cls, ranked_Vn: Tensor, label_V: Tensor, checkpoint_V: Tensor, macs_K: Tensor) -> Self:
        """Sum up: `ranked_Vn` are each video's classes where it stopped, the most probable first."""
        right_Vn = ranked_Vn == label_V[:, None]
        return cls(
            checkpoint_V=checkpoint_V,
            predicted_V=ranked_Vn[:, 0],
            top1=right_Vn[:, 0].double().mean().item(),
            top5=right_Vn.any(1).double().mean().item(),
            mean_macs=macs_K[checkpoint_V].mean().item(),
            exit_share_K=torch.bincount(checkpoint_V, minlength=len(macs_K)).double() / len(checkpoint_V),
        )


def ranked_classes(logits_XN: Tensor) -> Tensor:
    """The (at most) five most probable classes (..., n) of logits (..., N), the most probable first."""
    return logits_XN.topk(min(5, logits_XN.shape[-1])).indices
