"""The machine that times are from."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Self

import torch

from dyninf.processor import processor_name

SIDE = 4096
ROUNDS = 3


@dataclass(frozen=True)
class Machine:
    """What ran.

    threads: of torch and the engines. peak_gmacs: of a float32 matrix product, 10^9 a second.
    """

    processor: str
    threads: int
    peak_gmacs: float

    @classmethod
    def measured(cls, device: torch.device | str = "cpu") -> Self:
        """This machine, with the median rate of products of matrices of `SIDE` × `SIDE`."""
        left, right = (torch.randn(SIDE, SIDE, device=device) for _ in range(2))
        times = []
        for _ in range(ROUNDS + 1):
            start = time.perf_counter()
            (left @ right)[0, 0].item()
            times.append(time.perf_counter() - start)
        return cls(processor_name(), torch.get_num_threads(), SIDE**3 / median(times[1:]) / 1e9)

    def __str__(self) -> str:
        return (
            f"{self.processor}, {self.threads} threads; a float32 matrix product of {SIDE}³ runs at "
            f"{self.peak_gmacs:.0f} GMAC/s"
        )


def resident_mb() -> float:
    """Memory of this process now, in 2^20 bytes; not a number where the system does not tell."""
    status = Path("/proc/self/status")
    if not status.exists():
        return float("nan")
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) / 1024
