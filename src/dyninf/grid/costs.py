"""What a clip costs up to each checkpoint.

Legend: K checkpoints. A MAC is one multiply-add of a convolution or matrix product; normalisation,
activation, pooling and shift move or scale data and count nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from dyninf.grid.meter import metered_walk
from dyninf.grid.route import Cell

if TYPE_CHECKING:
    from dyninf.grid.network import Network


@dataclass(frozen=True)
class Costs:
    """Multiply-adds of one clip.

    cells: each cell of the route with the part of the heads that runs per frame.
    heads: each checkpoint's name with what its classifier costs.
    gates: each checkpoint's name with what its gate costs; empty for a network without gates.
    macs_K: cumulative MACs of a clip up to and including checkpoint k, float64 on the CPU.
    """

    cells: dict[Cell, int]
    heads: dict[str, int]
    gates: dict[str, int]
    macs_K: Tensor

    @property
    def gmacs_K(self) -> list[float]:
        """`macs_K` in units of 10^9."""
        return [macs / 1e9 for macs in self.macs_K.tolist()]


def count_costs(network: Network, height: int, width: int) -> Costs:
    """Count the operations that a walk runs."""
    cells: dict[Cell, int] = {}
    heads: dict[str, int] = {}
    gates: dict[str, int] = {}
    cumulative: list[int] = []
    for step in metered_walk(network, height, width):
        cells[step.cell] = step.macs_of("run_stage", "embed")
        if step.checkpoint is not None:
            heads[step.checkpoint.name] = step.macs_of("classify")
            if network.gates is not None:
                gates[step.checkpoint.name] = step.macs_of("gate")
            cumulative.append(sum(sum(part.values()) for part in (cells, heads, gates)))
    return Costs(cells, heads, gates, torch.tensor(cumulative, dtype=torch.float64))
