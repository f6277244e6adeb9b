"""Along the route from checkpoint to checkpoint: what leaving early is made of, whoever computes the cells.

Legend: B clips, j checkpoints of a step, t frames of a group, C, H, W, N classes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, Self

import torch
from torch import Tensor

from dyninf.grid import CarriedState, Cell, Network, State


class Carried(Protocol):
    """What clips carry from one step to the next."""

    def __getitem__(self, index_B: Tensor) -> Self:
        """That of some clips: a boolean mask, or whole numbers."""


@dataclass(frozen=True)
class Step:
    """A step of a walk: up to a checkpoint at which clips may leave.

    number: from 0. checkpoints: their numbers, from 0; all but the last are passed without a decision.
    groups: whose frames go in.
    """

    number: int
    checkpoints: tuple[int, ...]
    groups: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class StepResult:
    """logits_BjN, and gate_Bj where the network has gates, at the step's checkpoints; what is carried on."""

    logits_BjN: Tensor
    gate_Bj: Tensor | None
    carried: Carried


class Walk(Protocol):
    """Computes a network step by step.

    network: whose function it is; for costs, names and the frames of groups.
    steps: in order. device: where the frames have to be.
    """

    @property
    def network(self) -> Network: ...
    @property
    def steps(self) -> Sequence[Step]: ...
    @property
    def device(self) -> torch.device: ...

    def start(self) -> Carried:
        """What clips carry before the first step: nothing."""

    def run(self, step: Step, carried: Carried, frames: Mapping[int, Tensor]) -> StepResult:
        """Take clips through a step; `frames` are those (B, t, C, H, W) of the step's groups."""


class CellWalk:
    """The network itself, cell by cell, as it is and where it is; one step a checkpoint."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.device = next(network.parameters()).device
        places = {checkpoint.cell: k for k, checkpoint in enumerate(network.checkpoints)}
        steps: list[Step] = []
        self._cells: list[list[Cell]] = []
        cells: list[Cell] = []
        for cell in network.route.cells:
            cells.append(cell)
            if cell in places:
                groups = tuple(cell.group for cell in cells if cell.stage == 1)
                steps.append(Step(len(steps), (places[cell],), groups))
                self._cells.append(cells)
                cells = []
        self.steps = tuple(steps)

    def start(self) -> State:
        return State()

    def run(self, step: Step, carried: Carried, frames: Mapping[int, Tensor]) -> StepResult:
        assert isinstance(carried, State)
        state = carried
        for cell in self._cells[step.number]:
            state = self.network.run_cell(cell, state, frames.get(cell.group) if cell.stage == 1 else None)
        checkpoint = self.network.checkpoints[step.checkpoints[0]]
        logits_BN, gate_B1 = self.network.predict(checkpoint, state), None
        if self.network.gates is not None:
            gate_B1 = self.network.gate(checkpoint, state, logits_BN)[:, None]
        return StepResult(logits_BN[:, None], gate_B1, state)


@dataclass(frozen=True, eq=False)
class Tensors:
    """A carried state as a table of tensors that can be indexed by clip."""

    table: CarriedState

    def __getitem__(self, index_B: Tensor) -> Tensors:
        return Tensors({name: tensor[index_B] for name, tensor in self.table.items()})
