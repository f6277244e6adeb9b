"""A network made ready to leave early at full speed: its segments, each compiled by an engine.

Legend: B clips, j checkpoints of a step, t frames of a group, K checkpoints, C, H, W, N classes.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import torch
from torch import Tensor

from dyninf.grid import Network, segments_of
from dyninf.policies import Policy
from dyninf.runtime.engines import Eager, Engine, GraphFiles, folded
from dyninf.runtime.walk import Carried, Step, StepResult, Tensors


class Runner:
    """A walk over compiled segments; `infer` takes it in place of the network.

    network: in evaluation mode, on the CPU unless the engine is `Eager`. Later changes of its weights do not
        reach the runner.
    height, width: of the frames, in pixels.
    batch: how many clips go through a step at a time, where speed counts; any number works.
    stops: the numbers, from 0, of the checkpoints at which clips may leave; all when left out. The route is
        cut there alone, since every cut costs time: `stops_of` says which ones a policy needs.
    cache: keep graphs that were written for the engine in the user's cache (`engines.cache_folder`), so that
        the next runner of the same network is there sooner.

    Raises ValueError if a stop is no checkpoint of the network, or the network is in training mode.
    """

    def __init__(
        self,
        network: Network,
        height: int,
        width: int,
        engine: Engine | None = None,
        batch: int = 1,
        stops: Collection[int] | None = None,
        cache: bool = False,
    ) -> None:
        if network.training:
            raise ValueError("the network is in training mode; call .eval()")
        self.network = network
        self.engine = engine or Eager()
        self.batch = batch
        self.frame_size = (height, width)
        self.device = next(network.parameters()).device
        segments = segments_of(folded(network, height, width, self.engine.shift_apart), height, width, stops)
        self.plans = [segment.plan for segment in segments]
        self.steps = tuple(Step(i, plan.checkpoints, plan.groups) for i, plan in enumerate(self.plans))
        self._has_gates = ["log_odds" in segment.output_names for segment in segments]
        with GraphFiles(network if cache else None) as graphs:
            self._compiled = [self.engine.compile(segment, batch, graphs) for segment in segments]

    def start(self) -> Tensors:
        return Tensors({})

    def run(self, step: Step, carried: Carried, frames: Mapping[int, Tensor]) -> StepResult:
        """See `Walk`; the results may lie in memory that the next run of the same step writes again."""
        assert isinstance(carried, Tensors)
        plan = self.plans[step.number]
        inputs = [frames[group].float() for group in plan.groups]
        inputs += [carried.table[name] for name in plan.reads]
        logits_BjN, *rest = self._compiled[step.number](inputs)
        gate_Bj = None
        if self._has_gates[step.number]:
            log_odds, *rest = rest
            gate_Bj = log_odds.double().sigmoid()
        if self.network.gates is not None:
            gate_Bj = _with_last(gate_Bj, logits_BjN)
        table = {**carried.table, **dict(zip(plan.writes, rest, strict=True))}
        return StepResult(logits_BjN, gate_Bj, Tensors({name: table[name] for name in plan.carried_shapes}))


def stops_of(policy: Policy, num_checkpoints: int) -> tuple[int, ...]:
    """The checkpoints, from 0, at which clips may leave: where a score can reach the threshold."""
    reachable = policy.thresholds(num_checkpoints) <= 1  # scores lie in [0, 1]
    return tuple(reachable.nonzero()[:, 0].tolist())


def _with_last(gate_Bj: Tensor | None, logits_BjN: Tensor) -> Tensor:
    """The scores with 1 for the last checkpoint of all, where it is among those of the step."""
    if gate_Bj is None:
        gate_Bj = torch.empty(len(logits_BjN), 0, dtype=torch.float64, device=logits_BjN.device)
    missing = logits_BjN.shape[1] - gate_Bj.shape[1]
    return torch.cat([gate_Bj, gate_Bj.new_ones(len(gate_Bj), missing)], 1)
