"""Clips one after the other, each leaving where the policy lets it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import torch

from dyninf.grid import video_macs
from dyninf.policies import Evidence, Policy
from dyninf.runtime.answers import Answer, ClipFrames
from dyninf.runtime.infer import judge
from dyninf.runtime.walk import Walk


def answer_clips(
    walk: Walk,
    policy: Policy,
    clips: Iterable[ClipFrames],
    batch: int = 1,
    memory_mb: float = 1024,
    decoders: int = 1,
) -> Iterator[Answer]:
    """Every clip's answer, in the order in which they were given; a clip that cannot be read has an error."""
    for number, clip in enumerate(clips):
        try:
            yield _answer(walk, policy, number, clip)
        finally:
            clip.close()


@torch.inference_mode()
def _answer(walk: Walk, policy: Policy, number: int, clip: ClipFrames) -> Answer:
    network, begin, macs = walk.network, time.perf_counter(), 0.0
    K = len(network.checkpoints)
    carried, clip_B = walk.start(), torch.tensor([number], device=walk.device)
    evidence = Evidence(torch.empty(1, 0, network.num_classes, device=walk.device), None, clip_B)

    def spent() -> float:
        return (time.perf_counter() - begin) * 1000

    for step in walk.steps:
        try:
            frames = {group: clip.group(group)[None].to(walk.device) for group in step.groups}
        except (ValueError, OSError) as error:
            return Answer(
                number, clip.name, None, None, None, macs, spent(), clip.frames_decoded, None, str(error)
            )
        if frames:
            macs_K = video_macs(network, tuple(next(iter(frames.values())).shape[-2:]))
        result = walk.run(step, carried, frames)
        carried, k = result.carried, step.checkpoints[-1]
        macs = float(macs_K[k])
        evidence, stops_b = judge(policy, evidence, step.checkpoints, result, 1, K)
        if stops_b.all():
            break
    logits_N = evidence.logits_BJN[0, -1].cpu()
    probability, label = logits_N.softmax(-1).max(-1)
    return Answer(
        number, clip.name, int(label), float(probability), k, macs, spent(), clip.frames_decoded, logits_N
    )
