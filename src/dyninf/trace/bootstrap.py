"""Intervals by resampling: the videos of a split, and the seeds where a setting was trained several times.

Legend: R resamples, V videos, S seeds, X whatever is averaged, such as the points of a curve.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

_DRAWN_AT_ONCE = 1 << 22  # numbers of videos, so that memory does not grow with the resamples
_VIDEOS, _SEEDS = 0, 1  # independent streams of one seed


@dataclass(frozen=True)
class Interval:
    """A figure of the data themselves, and the bounds of its interval."""

    value: float
    low: float
    high: float

    def named(self, name: str) -> dict[str, float]:
        """As entries NAME, NAME_low and NAME_high."""
        return {name: self.value, f"{name}_low": self.low, f"{name}_high": self.high}


@dataclass(frozen=True)
class Resampling:
    """The percentile bootstrap (Efron 1979, "Bootstrap Methods: Another Look at the Jackknife").

    resamples: R, each of as many videos as there are, drawn with replacement.
    seed: of the draws. The same number of videos gets the same resamples, whatever is averaged over them: so
        figures of the same videos are paired, and differences may be taken resample by resample.
    level: share of the resamples that lies between the bounds.

    Raises ValueError that names the value if one is out of its range.
    """

    resamples: int = 1000
    seed: int = 0
    level: float = 0.95

    def __post_init__(self) -> None:
        if self.resamples < 1:
            raise ValueError(f"resamples must be 1 or more, got {self.resamples}")
        if not 0 < self.level < 1:
            raise ValueError(f"level must lie between 0 and 1, got {self.level}")

    def means(self, value_VX: Tensor) -> Tensor:
        """The mean over the videos of each resample (R, X), float64; ValueError without a video."""
        V = len(value_VX)
        if V == 0:
            raise ValueError("there is no video to resample")
        value_VX = value_VX.double()
        draw = np.random.default_rng([self.seed, _VIDEOS])
        rows, means = max(_DRAWN_AT_ONCE // V, 1), []
        for start in range(0, self.resamples, rows):
            size = (min(rows, self.resamples - start), V)
            weight_rV = _times_drawn(draw.integers(V, size=size), V)
            means.append(weight_rV @ value_VX / V)
        return torch.cat(means)

    def over_seeds(self, value_SRX: Tensor) -> Tensor:
        """The mean over the seeds of each resample (R, X): as many as there are, drawn with replacement.

        value_SRX: for each seed what its run gives on the R resamples of the videos. All runs see the same
        videos, so that seeds and videos are drawn crosswise (Owen 2007, "The Pigeonhole Bootstrap"); drawing
        videos anew for each seed would average away how much the split's videos matter. Few seeds make the
        interval too narrow: with S of them their variance comes out (S - 1) / S of what it is.
        """
        S, R = value_SRX.shape[:2]
        drawn_RS = np.random.default_rng([self.seed, _SEEDS]).integers(S, size=(R, S))
        return torch.einsum("rs,sr...->r...", _times_drawn(drawn_RS, S), value_SRX.double()) / S

    def bounds(self, value_RX: Tensor) -> tuple[Tensor, Tensor]:
        """Lower and upper ends (X,) of the intervals; resamples that are not numbers do not count."""
        outside = (1 - self.level) / 2
        low_X, high_X = value_RX.nanquantile(torch.tensor([outside, 1 - outside], dtype=value_RX.dtype), 0)
        return low_X, high_X

    def interval(self, value: float, value_R: Tensor) -> Interval:
        """The interval of one figure."""
        low, high = self.bounds(value_R)
        return Interval(value, low.item(), high.item())

    def mean(self, value_V: Tensor) -> Interval:
        """A mean over videos with its interval."""
        return self.interval(value_V.double().mean().item(), self.means(value_V[:, None])[:, 0])


def sign_test(gained: int, lost: int) -> float:
    """How likely a split at least as uneven is if either is as likely: McNemar's test, exact, two-sided.

    gained, lost: videos that only the one, and only the other of two methods gets right.
    """
    both, fewer = gained + lost, min(gained, lost)
    term, ways = 1, 0  # whole numbers, however large: binomial coefficients and their sum
    for i in range(fewer + 1):
        ways += term
        term = term * (both - i) // (i + 1)
    return min(1.0, 2 * ways / 2**both)


def _times_drawn(drawn_RV: np.ndarray, values: int) -> Tensor:
    """How often each of `values` numbers was drawn in each row, (R, values)."""
    place = drawn_RV + np.arange(len(drawn_RV))[:, None] * values
    counted = np.bincount(place.ravel(), minlength=len(drawn_RV) * values)
    return torch.from_numpy(counted).double().view(len(drawn_RV), values)
