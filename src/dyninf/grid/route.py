"""Cells of the grid and the order in which they are visited.

Legend: groups and stages count from 1, as in the drawing of the design: cell (g, d).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple


class Cell(NamedTuple):
    """Group g through stage d; both count from 1."""

    group: int
    stage: int

    def __str__(self) -> str:
        return f"({self.group}, {self.stage})"


@dataclass(frozen=True)
class Route:
    """An order of cells in which every cell comes after what it needs.

    cells: the order; a route need not visit every cell of the grid.
    groups, stages: size of the grid.
    keeps: a temporal shift keeps features between groups, so (g, d) also needs (g-1, d).

    Raises ValueError that names the first cell that is outside the grid, comes twice, or comes before
    what it needs.
    """

    cells: tuple[Cell, ...]
    groups: int
    stages: int
    keeps: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "cells", tuple(_as_cell(cell) for cell in self.cells))
        if not self.cells:
            raise ValueError("a route needs at least one cell")
        done: set[Cell] = set()
        for position, cell in enumerate(self.cells, 1):
            self._check(cell, done, position)
            done.add(cell)

    def _check(self, cell: Cell, done: set[Cell], position: int) -> None:
        where = f"route step {position}, cell {cell}"
        if not (1 <= cell.group <= self.groups and 1 <= cell.stage <= self.stages):
            raise ValueError(f"{where}: outside the grid of {self.groups} groups x {self.stages} stages")
        if cell in done:
            raise ValueError(f"{where}: visited before")
        for needed, why in self.needs(cell):
            if needed not in done:
                raise ValueError(f"{where}: comes before cell {needed}, which it needs ({why})")

    def needs(self, cell: Cell) -> list[tuple[Cell, str]]:
        """The cells that must come before `cell`, each with the reason in words."""
        found = []
        if cell.stage > 1:
            found.append((Cell(cell.group, cell.stage - 1), "the stage above, same frames"))
        if self.keeps and cell.group > 1:
            found.append((Cell(cell.group - 1, cell.stage), "features the temporal shift keeps"))
        return found

    def groups_at(self, stage: int) -> tuple[int, ...]:
        """The groups that visit `stage`, in the order of the route."""
        return tuple(cell.group for cell in self.cells if cell.stage == stage)


def depth_axis(stages: int) -> tuple[Cell, ...]:
    """One group with all frames, down the stages."""
    return input_axis(1, stages)


def input_axis(groups: int, stages: int) -> tuple[Cell, ...]:
    """Group after group, each through all stages. The joint scheme's default order as well."""
    return tuple(Cell(g, d) for g in range(1, groups + 1) for d in range(1, stages + 1))


def joint(depths: Sequence[Sequence[int]]) -> tuple[Cell, ...]:
    """A staircase: row i says how deep each group has gone after step i.

    ``joint([[2, 0], [2, 2], [4, 4]])`` takes group 1 through stages 1-2, then group 2, then both on to
    stage 4, the earlier group first.

    Raises ValueError if there is no row, a depth shrinks or rows differ in length.
    """
    if not depths:
        raise ValueError("a staircase needs at least one row: how deep each group has gone after each step")
    cells: list[Cell] = []
    before = [0] * len(depths[0])
    for row in depths:
        if len(row) != len(before) or any(new < old for new, old in zip(row, before, strict=False)):
            raise ValueError(f"staircase row {list(row)} does not continue {before}: depths may only grow")
        for group, (old, new) in enumerate(zip(before, row, strict=True), 1):
            cells.extend(Cell(group, stage) for stage in range(old + 1, new + 1))
        before = list(row)
    return tuple(cells)


def _as_cell(value: Iterable[int]) -> Cell:
    numbers = tuple(value)
    if len(numbers) != 2 or not all(isinstance(n, int) for n in numbers):
        raise ValueError(f"a cell is a pair [group, stage] of whole numbers, got {list(numbers)}")
    return Cell(*numbers)
