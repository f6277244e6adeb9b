"""Two ways to answer the same videos, compared video by video.

Legend: V videos, R resamples.
"""

from dataclasses import dataclass

from torch import Tensor

from dyninf.trace.bootstrap import Interval, Resampling, sign_test


@dataclass(frozen=True)
class Comparison:
    """What one way gains over another.

    top1: its accuracy less the other's, a share in [-1, 1].
    gained, lost: videos that only the one, and only the other gets right.
    p_value: of McNemar's exact test (`sign_test`).
    """

    top1: Interval
    gained: int
    lost: int
    p_value: float

    def figures(self) -> dict[str, float]:
        """As entries of a summary."""
        counts = {"gained": self.gained, "lost": self.lost, "p_value": self.p_value}
        return self.top1.named("top1") | counts


def compare(right_V: Tensor, other_V: Tensor, resampling: Resampling | None = None) -> Comparison:
    """Compare whether each video is right with whether it is for another method; `Resampling()` by default.

    Raises ValueError if they are not of as many videos.
    """
    if right_V.shape != other_V.shape:
        raise ValueError(f"{len(right_V)} videos cannot be paired with {len(other_V)}")
    gained, lost = int((right_V & ~other_V).sum()), int((other_V & ~right_V).sum())
    change = (resampling or Resampling()).mean(right_V.double() - other_V.double())
    return Comparison(change, gained, lost, sign_test(gained, lost))
