"""What a clip costs up to each checkpoint.

Legend: K checkpoints. A MAC is one multiply-add of a convolution or matrix product; normalisation,
activation, pooling and shift move or scale data and count nothing.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from dyninf.grid.route import Cell
from dyninf.grid.state import State

if TYPE_CHECKING:
    from dyninf.grid.network import Network


@dataclass(frozen=True)
class Costs:
    """Multiply-adds of one clip.

    cells: each cell of the route with the part of the heads that runs per frame.
    heads: each checkpoint's name with what its classifier costs.
    macs_K: cumulative MACs of a clip up to and including checkpoint k, float64 on the CPU.
    """

    cells: dict[Cell, int]
    heads: dict[str, int]
    macs_K: Tensor

    @property
    def gmacs_K(self) -> list[float]:
        """`macs_K` in units of 10^9."""
        return [macs / 1e9 for macs in self.macs_K.tolist()]


def count_costs(network: Network, height: int, width: int) -> Costs:
    """Walk a shapes-only copy of the network and count the operations that it runs."""
    ghost = copy.deepcopy(network).to("meta").eval()
    places = {checkpoint.cell: checkpoint for checkpoint in ghost.checkpoints}
    frames_BtCHW = torch.empty(1, network.group_frames, 3, height, width, device="meta")
    cells: dict[Cell, int] = {}
    heads: dict[str, int] = {}
    cumulative: list[int] = []
    total = 0
    state = State()
    with torch.no_grad():
        for cell in ghost.route.cells:
            with FlopCounterMode(display=False) as counter:
                state = ghost.run_cell(cell, state, frames_BtCHW)
            cells[cell] = counter.get_total_flops() // 2  # the counter counts a multiply-add twice
            total += cells[cell]
            if cell in places:
                with FlopCounterMode(display=False) as counter:
                    ghost.predict(places[cell], state)
                heads[places[cell].name] = counter.get_total_flops() // 2
                total += heads[places[cell].name]
                cumulative.append(total)
    return Costs(cells, heads, torch.tensor(cumulative, dtype=torch.float64))
