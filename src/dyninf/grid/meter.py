"""What a walk uses, seen on a copy of the network that has shapes but no values.

Legend: t frames of a group, M = clips · frames, C channels, H, W, F features of a head.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from torch.utils.flop_counter import FlopCounterMode

from dyninf.grid.backbone import Backbone
from dyninf.grid.checkpoint import Checkpoint
from dyninf.grid.route import Cell
from dyninf.grid.shift import Exchange
from dyninf.grid.state import Features, State

if TYPE_CHECKING:
    from dyninf.grid.network import Network

R = TypeVar("R", Tensor, Features)


@dataclass(frozen=True)
class Call:
    """One call of a backbone, or of a gate.

    part: ``run_stage``, ``embed``, ``classify`` or ``gate``.
    macs: multiply-adds of its convolutions and matrix products.
    params: numbers in those parameters that no earlier call of the walk has used.
    shapes: of the tensors that it gave.
    """

    part: str
    stage: int
    macs: int
    params: int
    shapes: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Step:
    """One cell of a walk, with the state that it leaves (shapes only).

    calls: those of the cell, then those of the checkpoint behind it.
    checkpoint: None where there is none.
    """

    cell: Cell
    checkpoint: Checkpoint | None
    calls: tuple[Call, ...]
    state: State

    def macs_of(self, *parts: str) -> int:
        """Multiply-adds of the calls to these parts."""
        return sum(call.macs for call in self.calls if call.part in parts)


def metered_walk(network: Network, height: int, width: int) -> list[Step]:
    """Walk one clip with frames of this size through a shapes-only float32 copy of the network."""
    ghost = ghost_of(network)
    ghost.backbone = meter = Meter(ghost.backbone)
    places = {checkpoint.cell: checkpoint for checkpoint in ghost.checkpoints}
    frames_1tCHW = torch.empty(1, network.group_size, 3, height, width, device="meta")
    steps, state = [], State()
    with torch.no_grad():
        for cell in ghost.route.cells:
            state = ghost.run_cell(cell, state, frames_1tCHW)
            checkpoint = places.get(cell)
            if checkpoint is not None:
                logits_1N = ghost.predict(checkpoint, state)
                if ghost.gates is not None:
                    run_gate = partial(ghost.gate, checkpoint, state, logits_1N)
                    meter.note("gate", cell.stage, run_gate)
            steps.append(Step(cell, checkpoint, meter.take_calls(), state))
    return steps


class Meter(Backbone):
    """Stands in for a backbone and notes each call."""

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.backbone = backbone
        self._used: set[int] = set()
        self._calls: list[Call] = []

    def take_calls(self) -> tuple[Call, ...]:
        """The calls since this was last asked."""
        calls, self._calls = tuple(self._calls), []
        return calls

    def attach_heads(self, stages: Sequence[int], num_classes: int) -> None:
        self.backbone.attach_heads(stages, num_classes)

    def run_stage(self, stage: int, features_M: Features, exchange: Exchange) -> Features:
        return self.note("run_stage", stage, lambda: self.backbone.run_stage(stage, features_M, exchange))

    def embed(self, stage: int, features_M: Features) -> Tensor:
        return self.note("embed", stage, lambda: self.backbone.embed(stage, features_M))

    def classifier_of(self, stage: int) -> nn.Linear:
        return self.backbone.classifier_of(stage)

    def classify(self, stage: int, features_BF: Tensor) -> Tensor:
        return self.note("classify", stage, lambda: self.backbone.classify(stage, features_BF))

    def note(self, part: str, stage: int, run: Callable[[], R]) -> R:
        """What `run` gives, noted as a call."""
        with FlopCounterMode(display=False) as counter, _ParametersUsed() as used:
            result = run()
        new = {id(parameter): parameter for parameter in used.found if id(parameter) not in self._used}
        self._used |= set(new)
        params = sum(parameter.numel() for parameter in new.values())
        macs = counter.get_total_flops() // 2  # the counter counts a multiply-add twice
        tensors = (result,) if isinstance(result, Tensor) else result
        shapes = tuple(tuple(tensor.shape) for tensor in tensors)
        self._calls.append(Call(part, stage, macs, params, shapes))
        return result


class _ParametersUsed(TorchFunctionMode):
    """Notes every parameter that a torch function is given, whichever module has it, or none."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[nn.Parameter] = []

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        self.found += _parameters_in([*args, *kwargs.values()])
        if func is torch.nn.functional.batch_norm:
            # Counts nothing and keeps the shape; its decomposition would be half of a walk's time.
            return torch.empty_like(args[0])
        return func(*args, **kwargs)


def _parameters_in(values: Sequence[Any]) -> Iterator[nn.Parameter]:
    for value in values:
        if isinstance(value, nn.Parameter):
            yield value
        elif isinstance(value, (list, tuple)):
            yield from _parameters_in(value)


def ghost_of(network: Network) -> Network:
    """A copy in evaluation mode whose tensors have no values; what is tied stays tied, nothing is copied."""

    def like(tensor: Tensor) -> Tensor:
        dtype = torch.float32 if tensor.is_floating_point() else tensor.dtype
        empty = torch.empty_like(tensor, dtype=dtype, device="meta")
        return nn.Parameter(empty) if isinstance(tensor, nn.Parameter) else empty

    tensors = (*network.parameters(), *network.buffers())
    return copy.deepcopy(network, {id(tensor): like(tensor) for tensor in tensors}).eval()
