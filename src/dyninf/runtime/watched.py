"""One clip along the whole route, cell by cell, told as it happens.

Legend: t frames of a group, C, H, W, N classes, K checkpoints.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from dyninf.grid import Cell, Network, State
from dyninf.policies import Evidence, Policy
from dyninf.runtime.answers import ClipFrames
from dyninf.runtime.infer import judge
from dyninf.runtime.walk import StepResult


@dataclass(frozen=True, eq=False)
class Decoded:
    """The frames (t, C, H, W) of a group were read, since its first cell is due."""

    group: int
    frames_tCHW: Tensor
    milliseconds: float


@dataclass(frozen=True)
class Ran:
    """A cell was run."""

    cell: Cell
    milliseconds: float


@dataclass(frozen=True, eq=False)
class Judged:
    """A checkpoint, by its number from 0, said logits (N,), float32 on the CPU, to which the policy gave a
    score.

    leaves: the clip leaves here; so it does once, whatever is said of later checkpoints.
    """

    checkpoint: int
    logits_N: Tensor
    score: float
    leaves: bool
    milliseconds: float


def watch(
    network: Network, policy: Policy, clip: ClipFrames, number: int = 0
) -> Iterator[Decoded | Ran | Judged]:
    """What happens to a clip on its way, also behind where it leaves: with that it is full inference.

    The clip leaves where, and with what, `infer` says. Each part is run when it is asked for, and its time is
    its own. number: of the clip, which `RandomExit` draws by. The clip is not closed.

    Raises ValueError if the network is in training mode, the policy does not fit it or logits are not finite,
    and what the clip raises.
    """
    if network.training:
        raise ValueError("the network is in training mode; call .eval()")
    K, device = len(network.checkpoints), next(network.parameters()).device
    policy.check_fits(K, network.gates is not None)
    policy.thresholds(K)
    return _watch(network, policy, clip, number, K, device)


def _watch(
    network: Network, policy: Policy, clip: ClipFrames, number: int, K: int, device: torch.device
) -> Iterator[Decoded | Ran | Judged]:
    places = {checkpoint.cell: k for k, checkpoint in enumerate(network.checkpoints)}
    state, left = State(), False
    evidence = Evidence(
        torch.empty(1, 0, network.num_classes, device=device),
        clip_B=torch.tensor([number], device=device),
    )
    for cell in network.route.cells:
        frames = None
        if cell.stage == 1:
            begin = time.perf_counter()
            frames_tCHW = clip.group(cell.group)
            yield Decoded(cell.group, frames_tCHW, _since(begin))
            frames = frames_tCHW[None].float().to(device)
        begin = time.perf_counter()
        with torch.inference_mode():  # not around a yield, where it would hold for whoever asks
            state = network.run_cell(cell, state, frames)
        yield Ran(cell, _since(begin, device))
        if cell not in places:
            continue
        k, begin = places[cell], time.perf_counter()
        with torch.inference_mode():
            evidence, stops = _judge(network, policy, k, state, evidence)
            score = policy.scores(evidence)[0, -1].item()
        logits_N = evidence.logits_BJN[0, -1].cpu()
        yield Judged(k, logits_N, score, stops and not left, _since(begin, device))
        left = left or stops


def _judge(
    network: Network, policy: Policy, k: int, state: State, evidence: Evidence
) -> tuple[Evidence, bool]:
    checkpoint, gate_B1 = network.checkpoints[k], None
    logits_BN = network.predict(checkpoint, state)
    if network.gates is not None:
        gate_B1 = network.gate(checkpoint, state, logits_BN)[:, None]
    result = StepResult(logits_BN.float()[:, None], gate_B1, state)
    evidence, stops_B = judge(policy, evidence, (k,), result, 1, len(network.checkpoints))
    return evidence, bool(stops_B)


def _since(begin: float, device: torch.device | None = None) -> float:
    """Milliseconds, with everything done that a device was given."""
    if device is not None and device.type == "cuda":
        torch.cuda.synchronize(device)
    return (time.perf_counter() - begin) * 1000
