"""Leaving by lot: the floor that every criterion has to beat.

Legend: B clips, J checkpoints seen so far, K checkpoints, N classes.
"""

from collections.abc import Sequence
from typing import ClassVar, Literal

import torch
from torch import Tensor

from dyninf.policies.base import Policy
from dyninf.policies.evidence import Evidence

_LOW_BITS = (1 << 53) - 1  # as many as a double can hold


class RandomExit(Policy):
    """Stop given shares of the clips at each checkpoint, whatever the logits say.

    A clip's score is a pseudo-random number in [0, 1) of the seed and of its number in the split, the same at
    every checkpoint, in every batch, in a replay and for real.

    shares: of the clips that leave at each of the K checkpoints, in place of thresholds.

    Raises ValueError if the shares are not those of a whole, or thresholds are given as well.
    """

    on_largest: ClassVar[Literal["exact", "bounded"] | None] = "exact"

    def __init__(
        self,
        shares: Sequence[float] | None = None,
        seed: int = 0,
        threshold: float | Sequence[float] | None = None,
    ) -> None:
        if shares is not None:
            if threshold is not None:
                raise ValueError("give shares or a threshold, not both: shares become thresholds")
            threshold = _thresholds_of(shares)
        if isinstance(seed, bool) or not isinstance(seed, int) or abs(seed) >= 1 << 63:
            raise ValueError(f"seed must be a whole number of 64 bits, got {seed!r}")
        super().__init__(threshold)
        self.seed = seed

    def scores(self, evidence: Evidence) -> Tensor:
        if evidence.clip_B is None:
            raise ValueError("RandomExit needs the numbers of the clips in their split (clip_B)")
        return _uniform(evidence.clip_B, self.seed)[:, None].expand(evidence.logits_BJN.shape[:2])


def _thresholds_of(shares: Sequence[float]) -> list[float]:
    try:
        share_K = torch.as_tensor(shares, dtype=torch.float64)
    except (TypeError, ValueError):  # words
        share_K = torch.tensor(torch.nan)
    if share_K.ndim != 1 or not (share_K >= 0).all() or abs(share_K.sum().item() - 1) > 1e-6:
        raise ValueError(
            f"shares must be numbers from 0 to 1, one a checkpoint, that add up to 1; got {shares}"
        )
    thresholds: list[float] = (1 - share_K.cumsum(0)).tolist()
    return thresholds


def _uniform(number_B: Tensor, seed: int) -> Tensor:
    """Doubles (B,) in [0, 1) from numbers and a seed: the output function of SplitMix64 (Steele et al. 2014).

    Integer arithmetic wraps alike on every device, unlike the generators of torch.
    """
    start = torch.tensor(seed, dtype=torch.int64, device=number_B.device)
    bits_B = _mixed(_mixed(start) + number_B.long())
    return (bits_B & _LOW_BITS).double() / (_LOW_BITS + 1)


def _mixed(bits: Tensor) -> Tensor:
    bits = bits + _signed(0x9E3779B97F4A7C15)
    bits = (bits ^ _shifted(bits, 30)) * _signed(0xBF58476D1CE4E5B9)
    bits = (bits ^ _shifted(bits, 27)) * _signed(0x94D049BB133111EB)
    return bits ^ _shifted(bits, 31)


def _shifted(bits: Tensor, by: int) -> Tensor:
    return (bits >> by) & ((1 << (64 - by)) - 1)  # torch shifts the sign in from the left


def _signed(constant: int) -> int:
    return constant - (1 << 64)
