"""What goes into the runtime clip by clip, and what comes out.

Legend: t frames of a group, C, H, W, N classes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from torch import Tensor


class ClipFrames(Protocol):
    """The frames of one clip, decoded when their group is asked for; used by one thread alone.

    name: said in answers; need not be unique.
    """

    name: str

    def group(self, group: int) -> Tensor:
        """The normalised frames (t, C, H, W), float32, of a group, from 1.

        Raises ValueError (such as VideoError) or OSError if they cannot be read.
        """

    def close(self) -> None:
        """Let go of the file; called once, whether all groups were asked for or not."""


def likeliest(probability_N: Tensor) -> list[tuple[int, float]]:
    """The (at most) five most probable classes with their probabilities, the most probable first."""
    best = probability_N.topk(min(5, len(probability_N)))
    return list(zip(best.indices.tolist(), best.values.tolist(), strict=True))


@dataclass(frozen=True, eq=False)
class Answer:
    """What became of one clip: a class, or an error.

    number: of the clip, from 0, in the order in which they were given; `RandomExit` draws by it.
    label: the predicted class. probability: its softmax probability. checkpoint: where it left, from 0. macs:
        multiply-adds spent on it. milliseconds: from when its first frames were asked for to its answer,
        waiting for other clips included. frames_decoded: how many were read. logits_N: at the
        checkpoint, float32.
    error: why there is no class; the fields above are then None, but for what was spent until then.
    """

    number: int
    name: str
    label: int | None
    probability: float | None
    checkpoint: int | None
    macs: float
    milliseconds: float
    frames_decoded: int
    logits_N: Tensor | None
    error: str | None = None
