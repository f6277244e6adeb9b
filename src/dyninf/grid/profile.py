"""What a network costs, part by part: parameters, multiply-adds, and the memory of what a clip keeps.

Legend: t frames of a group, C channels, H, W.

All figures are those of one clip. MACs are counted as in `grid.costs`; memory is that of float32 features
between two cells, without weights, input frames and what a cell needs while it runs.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING

from torch import Tensor

from dyninf.grid.meter import Call, Step, metered_walk
from dyninf.grid.route import Cell

if TYPE_CHECKING:
    from dyninf.grid.network import Network

FLOAT32_BYTES = 4


@dataclass(frozen=True)
class StageProfile:
    """One stage, without its head.

    params: of the parameters that it is the first to use on the route.
    macs: of all groups together.
    output_shapes: of one group, each (t, C, H, W); one a scale.
    """

    name: str
    params: int
    macs: int
    output_shapes: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class HeadProfile:
    """The head of one stage with its gates, for all frames and all its checkpoints.

    params: as in `StageProfile`.
    """

    stage: str
    params: int
    macs: int


@dataclass(frozen=True)
class CellProfile:
    """One cell of the route.

    macs: of the stage. head_macs: of the part of its head that runs per frame.
    kept_bytes: what the temporal shift keeps for later groups, at all stages, when the cell is done.
    waiting_bytes: the features that wait for a next stage, then.
    sums_bytes: the sums of head features, then.
    """

    cell: Cell
    macs: int
    head_macs: int
    kept_bytes: int
    waiting_bytes: int
    sums_bytes: int

    @property
    def state_bytes(self) -> int:
        """All that a clip carries from this cell to the next."""
        return self.kept_bytes + self.waiting_bytes + self.sums_bytes


@dataclass(frozen=True)
class CheckpointProfile:
    """One checkpoint: what its classifier and its gate (0 without one) cost, and all up to and with it."""

    name: str
    cell: Cell
    frames: int
    classifier_macs: int
    gate_macs: int
    cumulative_macs: int


@dataclass(frozen=True)
class NetworkProfile:
    """The stages, heads, cells and checkpoints of a network, for frames of one size in pixels.

    unused_params: of parameters that no cell and no head uses, as those of stages below the last checkpoint.
    """

    network: str
    num_classes: int
    num_frames: int
    height: int
    width: int
    stages: tuple[StageProfile, ...]
    heads: tuple[HeadProfile, ...]
    cells: tuple[CellProfile, ...]
    checkpoints: tuple[CheckpointProfile, ...]
    unused_params: int

    @property
    def params(self) -> int:
        """All parameters of the network, each once."""
        used = sum(stage.params for stage in self.stages) + sum(head.params for head in self.heads)
        return used + self.unused_params

    @property
    def macs(self) -> int:
        """Multiply-adds of a clip that goes through to the last checkpoint."""
        return sum(stage.macs for stage in self.stages) + sum(head.macs for head in self.heads)

    @property
    def peak_bytes(self) -> int:
        """The most that a clip carries between two cells."""
        return max(cell.state_bytes for cell in self.cells)


def profile(network: Network, height: int, width: int) -> NetworkProfile:
    """Count everything on one walk over shapes; nothing is computed and no value is needed."""
    steps = metered_walk(network, height, width)
    calls = [call for step in steps for call in step.calls]
    names = network.backbone.stage_names
    runs = _by_stage(calls, "run_stage")
    heads = _by_stage(calls, "embed", "classify", "gate")
    used = sum(call.params for call in calls)
    return NetworkProfile(
        network=network.name,
        num_classes=network.num_classes,
        num_frames=network.num_frames,
        height=height,
        width=width,
        stages=tuple(
            StageProfile(names[stage - 1], *_sums(runs[stage]), runs[stage][0].shapes) for stage in runs
        ),
        heads=tuple(HeadProfile(names[stage - 1], *_sums(heads[stage])) for stage in heads),
        cells=tuple(_cell_profile(step) for step in steps),
        checkpoints=tuple(_checkpoint_profiles(steps)),
        unused_params=sum(parameter.numel() for parameter in network.parameters()) - used,
    )


def _by_stage(calls: Sequence[Call], *parts: str) -> dict[int, list[Call]]:
    stages = sorted({call.stage for call in calls if call.part in parts})
    return {stage: [c for c in calls if c.part in parts and c.stage == stage] for stage in stages}


def _sums(calls: Sequence[Call]) -> tuple[int, int]:
    return sum(call.params for call in calls), sum(call.macs for call in calls)


def _cell_profile(step: Step) -> CellProfile:
    features = step.state.features.values()
    waiting = ((value,) if isinstance(value, Tensor) else value for value in features)
    return CellProfile(
        step.cell,
        step.macs_of("run_stage"),
        step.macs_of("embed"),
        _bytes(chain.from_iterable(step.state.kept.values())),
        _bytes(chain.from_iterable(waiting)),
        _bytes(step.state.sums.values()),
    )


def _bytes(tensors: Iterable[Tensor]) -> int:
    return FLOAT32_BYTES * sum(tensor.numel() for tensor in tensors)


def _checkpoint_profiles(steps: Sequence[Step]) -> Iterable[CheckpointProfile]:
    cumulative = 0
    for step in steps:
        cumulative += sum(call.macs for call in step.calls)
        if step.checkpoint is not None:
            place = step.checkpoint
            macs, gate_macs = step.macs_of("classify"), step.macs_of("gate")
            yield CheckpointProfile(place.name, place.cell, place.frames, macs, gate_macs, cumulative)
