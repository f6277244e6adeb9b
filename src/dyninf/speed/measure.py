"""Full inference against dynamic inference, in turn, on one engine.

Legend: B clips of a batch, T frames, C, H, W, S steps, K checkpoints.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median, quantiles

import torch
from torch import Tensor

from dyninf.grid import Network
from dyninf.policies import Policy, RandomExit
from dyninf.runtime import Engine, Runner, answer_clips
from dyninf.runtime.walk import Tensors
from dyninf.speed.forced_exits import forced_exits
from dyninf.speed.machine import Machine, resident_mb

EVERY_CUT = "no exit, cut at every checkpoint"
NO_CUT = "no exit"
WHOLE_BATCHES, WHOLE_CLIPS = 2, 8
"""Of a round in which no clip leaves: at least so many batches, and so many clips."""
POINT_BATCHES, POINT_CLIPS = 16, 24
"""Of a round at a point: enough for queues to fill although few clips come to late steps, and for the last
ones, which go on in batches that are not full, to be few."""


@dataclass(frozen=True)
class Row:
    """One operating point on one engine, beside full inference in the same rounds.

    point: its name. batch: clips of a step; 1 takes one clip after the other through.
    macs_ratio: multiply-adds of full inference / those of the point. speedup: the same of times.
    limit: the speed-up that the steps' own times at full batch allow for the exits that were taken, with
        nothing for queues. ms: of a clip at the point, ms_full of full inference, both medians of rounds;
        spread: half of the range between the quartiles of the point's rounds, over their median.
    of_peak: multiply-adds a second over those of the machine's matrix product. memory_mb: of the process,
        after the point. clips: of a round.
    """

    network: str
    scheme: str
    engine: str
    batch: int
    point: str
    macs_ratio: float
    speedup: float
    limit: float
    ms: float
    ms_full: float
    spread: float
    of_peak: float
    memory_mb: float
    clips: int

    @property
    def of_limit(self) -> float:
        return self.speedup / self.limit

    @property
    def of_macs(self) -> float:
        return self.speedup / self.macs_ratio


@dataclass(eq=False)
class MemoryClip:
    """A clip whose frames are there already. group_frames: of each group, (t, C, H, W)."""

    name: str
    group_frames: Sequence[Tensor]

    def group(self, group: int) -> Tensor:
        return self.group_frames[group - 1]

    def close(self) -> None:
        pass  # nothing to let go of


def measure_speed(
    network: Network,
    plain: Network,
    scheme: str,
    engine: Engine,
    height: int,
    width: int,
    batch: int,
    points: dict[str, float],
    machine: Machine,
    rounds: int = 5,
    memory_mb: float = 8192,
    say: Callable[[str], None] = lambda text: None,
) -> tuple[list[Row], list[StepTime]]:
    """Measure points on random clips in memory; and each step alone, at full batch.

    network, plain: in evaluation mode; the second is the backbone with the same shift and one checkpoint, the
        last, as one graph. points: name → mean multiply-adds of a clip over those of `plain`, which forced
        exits at all checkpoints come to; a network's exits need no training for that.

    Raises ValueError if a point cannot be reached.
    """
    full_macs = plain.costs(height, width).macs_K[-1].item()
    macs_K = network.costs(height, width).macs_K
    K = len(network.checkpoints)
    policies: dict[str, Policy] = {
        name: forced_exits(macs_K, share * full_macs) for name, share in points.items()
    }
    say(f"{network.name}, {engine.name}, batch {batch}: compiling {K} segments")
    full = Runner(plain, height, width, engine, batch, cache=True)
    cut = Runner(network, height, width, engine, batch, cache=True)
    uncut = Runner(network, height, width, engine, batch, stops=[], cache=True)
    whole_clips = batch * max(WHOLE_BATCHES, -(-WHOLE_CLIPS // batch))
    point_clips = batch * max(POINT_BATCHES, -(-POINT_CLIPS // batch))
    videos = [_clip(network, height, width, seed) for seed in range(4)]
    whole = torch.stack([torch.cat(list(clip.group_frames)) for clip in videos])  # groups one after the other
    batch_frames = _batch_frames(plain, whole, batch)

    def run_full() -> None:
        for _ in range(whole_clips // batch):
            full.run(full.steps[0], full.start(), batch_frames)

    def run_dynamic(runner: Runner, policy: Policy, clips: int) -> Tensor:
        given = (videos[i % len(videos)] for i in range(clips))
        found = [answer.checkpoint for answer in answer_clips(runner, policy, given, batch, memory_mb)]
        return torch.tensor(found)

    nobody = RandomExit([0.0] * (K - 1) + [1.0])
    runs: dict[str, Callable[[], Tensor | None]] = {"full": run_full}
    runs[NO_CUT] = partial(run_dynamic, uncut, nobody, whole_clips)
    runs[EVERY_CUT] = partial(run_dynamic, cut, nobody, whole_clips)
    runs |= {name: partial(run_dynamic, cut, policy, point_clips) for name, policy in policies.items()}
    clips = {name: point_clips if name in policies else whole_clips for name in runs}
    times: dict[str, list[float]] = {name: [] for name in runs}
    left: dict[str, Tensor | None] = {}
    memory: dict[str, float] = {}
    step_times = _StepTimes(cut, batch, height, width)
    for round_number in range(rounds + 1):  # the first one warms up: graphs of other sizes, caches
        step_times.round()
        for name, run in runs.items():
            start = time.perf_counter()
            left[name] = run()
            times[name].append((time.perf_counter() - start) / clips[name] * 1000)
            memory[name] = resident_mb()
        say(f"  round {round_number}: " + ", ".join(f"{n} {t[-1]:.4g} ms" for n, t in times.items()))
    kept = {name: found[1:] for name, found in times.items()}
    step_ms = step_times.medians()
    rows = []
    for name in runs:
        if name == "full":
            continue
        checkpoint_V = left[name]
        assert checkpoint_V is not None
        mean_macs = macs_K[checkpoint_V].mean().item()
        limit_ms = _limit(step_ms, checkpoint_V, K) / batch
        if name == NO_CUT:
            limit_ms = median(kept["full"])
        ms, ms_full = median(kept[name]), median(kept["full"])
        rows.append(
            Row(
                network=network.backbone.name,
                scheme=scheme,
                engine=engine.name,
                batch=batch,
                point=name,
                macs_ratio=full_macs / mean_macs,
                # of the same rounds, so that what slows both down for a while does not count
                speedup=median(f / d for f, d in zip(kept["full"], kept[name], strict=True)),
                limit=ms_full / limit_ms,
                ms=ms,
                ms_full=ms_full,
                spread=_spread(kept[name]),
                of_peak=mean_macs / (ms / 1000) / (machine.peak_gmacs * 1e9),
                memory_mb=memory[name],
                clips=clips[name],
            )
        )
    return rows, step_times.table(full_macs, median(kept["full"]))


@dataclass(frozen=True)
class StepTime:
    """One step alone at full batch. ms: of a clip. relative: its time a MAC over that of full inference."""

    checkpoint: str
    gmacs: float
    ms: float
    relative: float


class _StepTimes:
    """Runs each step of a runner by itself at full batch."""

    def __init__(self, runner: Runner, batch: int, height: int, width: int) -> None:
        self._runner, self._batch = runner, batch
        self._macs_K = runner.network.costs(height, width).macs_K
        draw = torch.Generator().manual_seed(0)
        self._inputs = [
            {
                name: torch.randn(batch, *shape, generator=draw)
                for name, shape in zip(plan.input_names, plan.input_shapes, strict=True)
            }
            for plan in runner.plans
        ]
        for plan, inputs in zip(runner.plans, self._inputs, strict=True):
            # what only passes through is not computed with
            passing = {n: torch.zeros(0) for n in plan.carried_shapes if n not in (*plan.writes, *plan.reads)}
            inputs |= passing
        self._times: list[list[float]] = [[] for _ in runner.steps]

    def round(self) -> None:
        for step, inputs in zip(self._runner.steps, self._inputs, strict=True):
            frames = {group: inputs[f"frames.{group}"] for group in step.groups}
            start = time.perf_counter()
            self._runner.run(step, Tensors(inputs), frames)
            self._times[step.number].append((time.perf_counter() - start) * 1000)

    def medians(self) -> Tensor:
        """Milliseconds (S,) of a batch through each step."""
        return torch.tensor([median(times[1:]) for times in self._times], dtype=torch.float64)

    def table(self, full_macs: float, full_ms: float) -> list[StepTime]:
        macs_S = torch.diff(self._macs_K, prepend=torch.zeros(1, dtype=torch.float64))
        ms_S = self.medians() / self._batch
        return [
            StepTime(checkpoint.name, macs / 1e9, ms, (ms / macs) / (full_ms / full_macs))
            for checkpoint, macs, ms in zip(
                self._runner.network.checkpoints, macs_S.tolist(), ms_S.tolist(), strict=True
            )
        ]


def _limit(step_ms_S: Tensor, checkpoint_V: Tensor, K: int) -> float:
    """Mean time, in units of full batches, of clips that leave there, if every step ran in full batches."""
    share_K = torch.bincount(checkpoint_V, minlength=K).double() / len(checkpoint_V)
    reach_S = 1 - share_K.cumsum(0) + share_K  # of the clips, that go through step k
    return (reach_S * step_ms_S).sum().item()


def _spread(values: Sequence[float]) -> float:
    if len(values) < 2:
        return float("nan")
    first, _, third = quantiles(values, n=4, method="inclusive")
    return (third - first) / 2 / median(values)


def _clip(network: Network, height: int, width: int, seed: int) -> MemoryClip:
    draw = torch.Generator().manual_seed(seed)
    shape = (network.group_size, 3, height, width)
    return MemoryClip(f"random-{seed}", [torch.randn(shape, generator=draw) for _ in network.permutation])


def _batch_frames(plain: Network, whole_BTCHW: Tensor, batch: int) -> dict[int, Tensor]:
    """Frames of every group of the plain network for a batch of clips."""
    video_BTCHW = whole_BTCHW[torch.arange(batch) % len(whole_BTCHW)]
    size = plain.group_size
    groups = range(1, len(plain.permutation) + 1)
    return {group: video_BTCHW[:, (group - 1) * size : group * size].contiguous() for group in groups}
