"""Segments: the run of cells between two checkpoints, as one function of tensors.

Legend: B clips, t frames of a group, C, H, W, j checkpoints inside a segment, K in all, N classes.

What a clip carries from one segment to the next is a table of tensors with names (`CarriedState`): whoever
compiles a segment has nothing but tensors to pass in and out, and whoever queues clips can index them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from dyninf.grid.meter import ghost_of
from dyninf.grid.route import Cell
from dyninf.grid.state import Features, State

if TYPE_CHECKING:
    from dyninf.grid.network import Network

CarriedState = Mapping[str, Tensor]
"""Name → tensor (B, ...): ``features.GROUP.PART``, ``kept.STAGE.PLACE``, ``sums.STAGE``.

Maps among the features are (B, t, H, W, C): with the channels innermost, as whoever computes them has them.
"""


@dataclass(frozen=True)
class SegmentPlan:
    """What a segment takes and gives, without weights.

    cells: in the order of the route. checkpoints: numbers from 0; clips may leave at the last one.
    groups: whose frames go in. reads, writes: names of the carried tensors that go in and come out.
    input_shapes: of one clip, in the order of `input_names`. carried_shapes: of what a clip keeps behind this
        segment, since later ones read it.
    """

    cells: tuple[Cell, ...]
    checkpoints: tuple[int, ...]
    groups: tuple[int, ...]
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    input_shapes: tuple[tuple[int, ...], ...]
    carried_shapes: Mapping[str, tuple[int, ...]]

    @property
    def input_names(self) -> tuple[str, ...]:
        """Frames first, then what is carried: the order of the segment's arguments."""
        return (*(f"frames.{group}" for group in self.groups), *self.reads)

    @property
    def output_names(self) -> tuple[str, ...]:
        """Logits (B, j, N), then what is carried on, as ``next.NAME``: the order of the segment's results."""
        return ("logits", *(f"next.{name}" for name in self.writes))


class Segment(nn.Module):
    """A plan with the network that carries it out.

    Takes the tensors of `plan.input_names`, gives those of `plan.output_names`. Where the network has gates,
    "log_odds" (B, j) of the segment's checkpoints comes second; the last checkpoint of all has no gate and no
    column.
    """

    def __init__(self, network: Network, plan: SegmentPlan, before: State) -> None:
        super().__init__()
        self.network = network
        self.plan = plan
        self._before = before  # shapes only: how the carried tensors make a state
        gated = [k for k in plan.checkpoints if k < len(network.checkpoints) - 1]
        self.output_names = plan.output_names
        if network.gates is not None and gated:
            self.output_names = ("logits", "log_odds", *plan.output_names[1:])

    def forward(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        network, plan = self.network, self.plan
        given = {name: _of_state(name, x) for name, x in zip(plan.input_names, inputs, strict=True)}
        state = _state_of(given, self._before)
        logits, log_odds = [], []
        numbers = iter(plan.checkpoints)
        places = {network.checkpoints[k].cell for k in plan.checkpoints}
        for cell in plan.cells:
            frames = given[f"frames.{cell.group}"] if cell.stage == 1 else None
            state = network.run_cell(cell, state, frames)
            if cell in places:
                k = next(numbers)
                checkpoint = network.checkpoints[k]
                logits.append(network.predict(checkpoint, state))
                if network.gates is not None and k < len(network.gates):
                    features_BF = network.features_at(checkpoint, state)
                    log_odds.append(network.gates.log_odds(k, features_BF, logits[-1]))
        named = {name: _carried(name, tensor) for name, tensor in _named(state)}
        heads = [torch.stack(logits, 1), *([torch.stack(log_odds, 1)] if log_odds else [])]
        return (*heads, *(named[name] for name in plan.writes))

    def example(self, clips: int, device: torch.device | str = "cpu") -> tuple[Tensor, ...]:
        """Random inputs of the right shapes."""
        draw = torch.Generator(device).manual_seed(0)
        shapes = self.plan.input_shapes
        return tuple(torch.randn(clips, *shape, generator=draw, device=device) for shape in shapes)


def segments_of(
    network: Network, height: int, width: int, stops: Collection[int] | None = None
) -> list[Segment]:
    """Cut the route behind every checkpoint at which clips may leave, for frames of this size.

    stops: the numbers of these checkpoints, from 0; all when left out. The last one always is one.

    Raises ValueError if one of them is none of the network's.
    """
    K = len(network.checkpoints)
    cuts = set(range(K)) if stops is None else {*stops, K - 1}
    if not cuts <= set(range(K)):
        raise ValueError(f"clips cannot stop at checkpoints {sorted(cuts)}: {network.name} has {K}, from 0")
    ghost = ghost_of(network)
    drafts = list(_drafts(ghost, height, width, cuts))
    segments: list[Segment] = []
    live: set[str] = set()
    for draft in reversed(drafts):
        reads = _reads(ghost, draft)
        after = dict(_named(draft.after))
        changed = _changed(draft)
        writes = tuple(name for name in after if name in changed and name in live)
        groups = tuple(cell.group for cell in draft.cells if cell.stage == 1)
        before = {name: _carried(name, tensor) for name, tensor in _named(draft.before)}
        carried = {name: _carried(name, tensor) for name, tensor in after.items() if name in live}
        frame_shapes = [(network.group_size, 3, height, width)] * len(groups)
        plan = SegmentPlan(
            cells=draft.cells,
            checkpoints=draft.checkpoints,
            groups=groups,
            reads=reads,
            writes=writes,
            input_shapes=(*frame_shapes, *(tuple(before[name].shape[1:]) for name in reads)),
            carried_shapes={name: tuple(tensor.shape[1:]) for name, tensor in carried.items()},
        )
        segments.append(Segment(network, plan, draft.before))
        live = (live - changed) | set(reads)
    return segments[::-1]


@dataclass(frozen=True)
class _Draft:
    """Cells up to a cut, with the shapes-only states around them."""

    cells: tuple[Cell, ...]
    checkpoints: tuple[int, ...]
    before: State
    after: State


def _drafts(ghost: Network, height: int, width: int, cuts: Collection[int]) -> Iterator[_Draft]:
    places = {checkpoint.cell: k for k, checkpoint in enumerate(ghost.checkpoints)}
    frames = torch.empty(1, ghost.group_size, 3, height, width, device="meta")
    before = state = State()
    cells: list[Cell] = []
    numbers: list[int] = []
    with torch.no_grad():
        for cell in ghost.route.cells:
            state = ghost.run_cell(cell, state, frames)
            cells.append(cell)
            if cell in places:
                numbers.append(places[cell])
                if places[cell] in cuts:
                    yield _Draft(tuple(cells), tuple(numbers), before, state)
                    before, cells, numbers = state, [], []


def _reads(ghost: Network, draft: _Draft) -> tuple[str, ...]:
    there = [name for name, _ in _named(draft.before)]
    wanted = {f"features.{cell.group}." for cell in draft.cells if cell.stage > 1}
    wanted |= {f"kept.{cell.stage}." for cell in draft.cells}
    wanted |= {f"sums.{ghost.pool(cell.stage)}." for cell in draft.cells if ghost.head_reads(cell)}
    return tuple(name for name in there if any(f"{name}.".startswith(start) for start in wanted))


def _changed(draft: _Draft) -> set[str]:
    """Names whose tensors the segment makes anew, or ends."""
    before, after = dict(_named(draft.before)), dict(_named(draft.after))
    return {name for name in {*before, *after} if before.get(name) is not after.get(name)}


def _named(state: State) -> Iterator[tuple[str, Tensor]]:
    for group, features in state.features.items():
        parts = (features,) if isinstance(features, Tensor) else features
        yield from ((f"features.{group}.{i}", part) for i, part in enumerate(parts))
    for stage, places in state.kept.items():
        yield from ((f"kept.{stage}.{i}", place) for i, place in enumerate(places))
    yield from ((f"sums.{stage}", value) for stage, value in state.sums.items())


def _carried(name: str, tensor: Tensor) -> Tensor:
    """A tensor of a state as it is carried."""
    if not _is_map(name, tensor):
        return tensor
    frames, height, width = tensor.shape[1], *tensor.shape[-2:]
    # Engines follow the order of three dimensions better than that of five.
    return (
        tensor.flatten(0, 1)
        .flatten(2)
        .transpose(1, 2)
        .unflatten(1, (height, width))
        .unflatten(0, (-1, frames))
    )


def _of_state(name: str, tensor: Tensor) -> Tensor:
    """The reverse of `_carried`."""
    if not _is_map(name, tensor):
        return tensor
    frames, height, width = tensor.shape[1:4]
    return (
        tensor.flatten(0, 1)
        .flatten(1, 2)
        .transpose(1, 2)
        .unflatten(2, (height, width))
        .unflatten(0, (-1, frames))
    )


def _is_map(name: str, tensor: Tensor) -> bool:
    return name.startswith("features.") and tensor.ndim == 5


def _state_of(given: Mapping[str, Tensor], like: State) -> State:
    """The state that the tensors given make, as far as they make one."""

    def features(group: int, value: Features) -> Features:
        if isinstance(value, Tensor):
            return given[f"features.{group}.0"]
        return tuple(given[f"features.{group}.{i}"] for i in range(len(value)))

    return State(
        {g: features(g, value) for g, value in like.features.items() if f"features.{g}.0" in given},
        {
            d: tuple(given[f"kept.{d}.{i}"] for i in range(len(value)))
            for d, value in like.kept.items()
            if f"kept.{d}.0" in given
        },
        {d: given[f"sums.{d}"] for d in like.sums if f"sums.{d}" in given},
        like.frames,
    )
