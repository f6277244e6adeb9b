"""A scheme: which route a clip takes, where it can stop, which frames come first.

The recipe (`Scheme`) knows neither the backbone nor the number of frames, so that a config can combine it
with any; `lay_out` fits it to both.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dyninf.grid.checkpoint import Checkpoint
from dyninf.grid.permutation import Permutation, permutation
from dyninf.grid.route import Cell, Route, input_axis, joint
from dyninf.grid.shift import SHIFTS


@dataclass(frozen=True)
class Layout:
    """A scheme fitted to a backbone and a number of frames.

    read: the cells whose head features go into the average of some checkpoint.
    """

    permutation: Permutation
    route: Route
    checkpoints: tuple[Checkpoint, ...]
    read: frozenset[Cell]


@dataclass(frozen=True)
class Scheme:
    """Recipe of a route with its checkpoints.

    name: printed, and kept in traces.
    groups: G; 1 means that all frames go together.
    order: frames of each group: ``permuted``, ``plain`` or ``bisection`` (see `grid.permutation`).
    shift: ``none``, ``offline`` (both ways in time; one group only), ``online`` (from the frame processed
        before), ``nearest`` (from the nearest earlier frame in time) or ``two_way`` (both ways inside a
        group); see `grid.shift`.
    checkpoints: ``all`` (each stage that can have a head, in every group), ``last`` (the last stage, in
        every group), ``final`` (the last cell alone: full inference), or a list of cells [group, stage];
        a negative stage counts from the last.
    staircase: how deep each group has gone after each step (see `grid.route.joint`); group by group,
        each through all stages, when absent.
    average: a head averages the features of its own ``stage`` over the groups so far, or those of all
        ``cells`` so far that have a head, whose features then need one width.
    """

    name: str
    groups: int = 1
    order: str = "permuted"
    shift: str = "none"
    checkpoints: str | Sequence[Sequence[int]] = "all"
    staircase: Sequence[Sequence[int]] | None = None
    average: str = "stage"

    def __post_init__(self) -> None:
        if self.average not in ("stage", "cells"):
            raise ValueError(f"average={self.average!r} is unknown; choose stage or cells")
        if self.shift not in SHIFTS:
            raise ValueError(f"temporal shift {self.shift!r} is unknown; choose one of {', '.join(SHIFTS)}")
        if SHIFTS[self.shift].needs_whole_clip and self.groups > 1:
            raise ValueError(
                f"the {self.shift} shift reads later frames, which {self.groups} groups have not "
                "processed yet; use shift=online, nearest or two_way, or groups=1"
            )

    def lay_out(self, stage_names: Sequence[str], head_stages: Sequence[int], num_frames: int) -> Layout:
        """Fit to a backbone with these stages, of which `head_stages` (from 1) can have a head.

        Raises ValueError for a route that breaks its order, a checkpoint at a cell that the route does
        not visit or whose stage has no head, and frames that do not divide into the groups.
        """
        stages = len(stage_names)
        frames = permutation(self.order, num_frames, self.groups)
        cells = joint(self.staircase) if self.staircase is not None else input_axis(self.groups, stages)
        route = Route(cells, self.groups, stages, keeps=SHIFTS[self.shift].keeps)
        places = self._places(route, head_stages)
        size = num_frames // self.groups
        checkpoints = []
        for cell in places:
            seen = size * (route.groups_at(cell.stage).index(cell.group) + 1)
            stage = stage_names[cell.stage - 1]
            checkpoints.append(Checkpoint(cell, stage, seen, f"{seen}f-{stage}"))
        read = self._read(route, places)
        # A cell that changes no answer is not part of the route: it would be run, and paid for, in vain.
        needed = _needed(route, read)
        cells = tuple(cell for cell in route.cells if cell in needed)
        return Layout(frames, Route(cells, self.groups, stages, route.keeps), tuple(checkpoints), read)

    def _read(self, route: Route, places: Sequence[Cell]) -> frozenset[Cell]:
        """The cells whose head features some checkpoint at one of `places` averages."""
        headed = {place.stage for place in places}
        read: set[Cell] = set()
        for place in places:
            stages = {place.stage} if self.average == "stage" else headed
            so_far = route.cells[: route.cells.index(place) + 1]
            read.update(cell for cell in so_far if cell.stage in stages)
        return frozenset(read)

    def _places(self, route: Route, head_stages: Sequence[int]) -> list[Cell]:
        if self.checkpoints == "all":
            wanted = {cell for cell in route.cells if cell.stage in head_stages}
        elif self.checkpoints == "last":
            wanted = {cell for cell in route.cells if cell.stage == route.stages}
        elif self.checkpoints == "final":
            wanted = {route.cells[-1]}
        elif isinstance(self.checkpoints, str):
            raise ValueError(
                f"checkpoints={self.checkpoints!r} is unknown; choose all, last, final "
                "or a list of cells [group, stage]"
            )
        else:
            wanted = {_cell(value, route.stages) for value in self.checkpoints}
        if not wanted:
            raise ValueError(
                f"scheme {self.name!r} has no checkpoint: its route never reaches a stage with a head"
            )
        for cell in wanted:
            if cell not in route.cells:
                raise ValueError(f"checkpoint at cell {cell}: the route does not visit it")
            if cell.stage not in head_stages:
                raise ValueError(
                    f"checkpoint at cell {cell}: no head there; stages with a head: {list(head_stages)}"
                )
        return [cell for cell in route.cells if cell in wanted]


def _needed(route: Route, read: Iterable[Cell]) -> set[Cell]:
    """The cells on which the head features of `read` depend."""
    needed: set[Cell] = set()
    waiting = list(read)
    while waiting:
        cell = waiting.pop()
        if cell not in needed:
            needed.add(cell)
            waiting += [before for before, _ in route.needs(cell)]
    return needed


def _cell(value: Sequence[int], stages: int) -> Cell:
    pair = isinstance(value, Sequence) and len(value) == 2
    if not pair or not all(isinstance(number, int) for number in value):
        raise ValueError(f"checkpoint {value!r}: write a pair [group, stage] of whole numbers")
    group, stage = value
    return Cell(group, stage + stages + 1 if stage < 0 else stage)
