"""From a file to a label: what is saved where videos have to be decoded first.

Legend: T frames of a clip, C, H, W, K checkpoints.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from dyninf.data import ClipTransform, Sampling, VideoClip, VideoReader
from dyninf.grid import Network
from dyninf.policies import Policy, RandomExit
from dyninf.runtime import Engine, Runner, answer_clips
from dyninf.speed.forced_exits import forced_exits


@dataclass(frozen=True)
class DecodingRow:
    """From file to label one way. ms: of a video, median of rounds. decoding: share of it that decoding and
    cropping took; not a number where decoding runs beside inference. frames: decoded of each video, on
    average.
    """

    way: str
    batch: int
    ms: float
    decoding: float
    frames: float


def measure_decoding(
    network: Network,
    plain: Network,
    engine: Engine,
    files: Sequence[Path],
    sampling: Sampling,
    transform: ClipTransform,
    share: float,
    batches: Sequence[int] = (1,),
    rounds: int = 5,
    memory_mb: float = 8192,
) -> list[DecodingRow]:
    """Full inference on all frames of a clip, decoded at once, against leaving early with frames on demand.

    share: mean multiply-adds of a clip over those of `plain`, which forced exits come to. Each file is a
    video once a round; with a batch, `decoders` beside inference is one thread.

    The row "first answer" is of videos that all leave at the first checkpoint, one at a time; "its own cost"
    is the time of its frames and its cells, each measured by itself.
    """
    side = transform.crop
    macs_K = network.costs(side, side).macs_K
    full_macs = plain.costs(side, side).macs_K[-1].item()
    K = len(network.checkpoints)
    leaving = forced_exits(macs_K, share * full_macs)
    at_once = RandomExit([1.0] + [0.0] * (K - 1))
    rows: list[DecodingRow] = []
    for batch in batches:
        full = Runner(plain, side, side, engine, batch, cache=True)
        cut = Runner(network, side, side, engine, batch, cache=True)
        through = partial(_through, files, sampling, transform, batch, memory_mb)
        ways: dict[str, Callable[[], _Times]] = {}
        if batch == 1:
            ways["full, all frames first"] = partial(_decode_then_infer, full, files, sampling, transform)
            ways["first answer"] = partial(through, cut, at_once)
            ways["first answer, its own cost"] = partial(_own_cost, cut, files, sampling, transform)
        else:
            ways["full, frames decoded beside"] = partial(through, full, RandomExit([1.0]))
        ways[f"dynamic at {share:.0%}"] = partial(through, cut, leaving)
        found: dict[str, list[_Times]] = {way: [] for way in ways}
        for _ in range(rounds + 1):
            for way, run in ways.items():
                found[way].append(run())
        for way, times in found.items():
            seconds = [total for total, _, _ in times[1:]]
            parts = [decoding / total for total, decoding, _ in times[1:]]
            rows.append(
                DecodingRow(
                    way,
                    batch,
                    median(seconds) / len(files) * 1000,
                    median(parts) if batch == 1 else float("nan"),
                    times[-1][2],
                )
            )
    return rows


_Times = tuple[float, float, float]
"""Seconds of a round, those of them that decoding took, and frames decoded of each video."""


def _through(
    files: Sequence[Path],
    sampling: Sampling,
    transform: ClipTransform,
    batch: int,
    memory_mb: float,
    runner: Runner,
    policy: Policy,
) -> _Times:
    clips = _clips(runner.network, files, sampling, transform)
    start = time.perf_counter()
    answers = list(answer_clips(runner, policy, clips, batch, memory_mb))
    seconds = time.perf_counter() - start
    decoding = sum(clip.seconds for clip in clips)
    return seconds, decoding, sum(answer.frames_decoded for answer in answers) / len(answers)


def _clips(
    network: Network, files: Sequence[Path], sampling: Sampling, transform: ClipTransform
) -> list[_TimedClip]:
    return [_TimedClip(VideoClip(path, sampling, network.permutation, transform)) for path in files]


class _TimedClip:
    """Adds up the time that a clip's frames take."""

    def __init__(self, clip: VideoClip) -> None:
        self.name = clip.name
        self.seconds = 0.0
        self._clip = clip

    def group(self, group: int) -> Tensor:
        start = time.perf_counter()
        frames = self._clip.group(group)
        self.seconds += time.perf_counter() - start
        return frames

    def close(self) -> None:
        self._clip.close()


def _decode_then_infer(
    runner: Runner, files: Sequence[Path], sampling: Sampling, transform: ClipTransform
) -> _Times:
    start, decoding, plain = time.perf_counter(), 0.0, runner.network
    for path in files:
        begun = time.perf_counter()
        with VideoReader(path) as reader:
            [chosen] = sampling.test(reader.count())
            video_1TCHW = transform(reader.read(chosen))[None]
        frames = {g: plain.group_frames_of(video_1TCHW, g) for g in runner.steps[0].groups}
        decoding += time.perf_counter() - begun
        result = runner.run(runner.steps[0], runner.start(), frames)
        result.logits_BjN[0, -1].argmax().item()
    return time.perf_counter() - start, decoding, float(plain.num_frames)


def _own_cost(runner: Runner, files: Sequence[Path], sampling: Sampling, transform: ClipTransform) -> _Times:
    """The frames of the first step and its cells, one after the other, with nothing else around them."""
    clips = _clips(runner.network, files, sampling, transform)
    start, step = time.perf_counter(), runner.steps[0]
    for clip in clips:
        frames = {group: clip.group(group)[None] for group in step.groups}
        with torch.inference_mode():
            runner.run(step, runner.start(), frames).logits_BjN[0, -1].argmax().item()
        clip.close()
    seconds = time.perf_counter() - start
    frames_each = float(len(step.groups) * runner.network.group_size)
    return seconds, sum(clip.seconds for clip in clips), frames_each
