"""A clip on its way through the steps, and its frames on theirs to it.

Legend: J checkpoints so far, t frames of a group, N classes.
"""

from __future__ import annotations

import time
from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from dyninf.policies import Evidence
from dyninf.runtime.answers import ClipFrames
from dyninf.runtime.walk import Step


class Traveller:
    """What is known of a clip so far, and which of its frames are being decoded, by a thread that it stays
    with.

    number: of the clip, from 0. group_size: frames of a group. begun: when it was taken, in seconds of
    `time.perf_counter`. logits, gates: of the checkpoints so far. frames_asked: that were, or are being,
    decoded.
    """

    def __init__(self, number: int, clip: ClipFrames, thread: ThreadPoolExecutor, group_size: int) -> None:
        self.number, self.name = number, clip.name
        self.begun = time.perf_counter()
        self.logits: list[Tensor] = []
        self.gates: list[Tensor] = []
        self.frames_asked = 0
        self._clip, self._thread, self._group_size = clip, thread, group_size
        self._last_asked = -1
        self._decoding: dict[int, tuple[Step, Future[dict[str, Tensor]]]] = {}

    def ask_for(self, step: Step) -> None:
        """Have the frames of a step decoded, unless they were asked for before."""
        if step.number > self._last_asked:
            self._decoding[step.number] = step, self._thread.submit(_groups_of, self._clip, step.groups)
            self._last_asked = step.number
            self.frames_asked += self._frames_of(step)

    def missing(self, step: int) -> Future[dict[str, Tensor]] | None:
        """What a step waits for; None if the clip has all its frames."""
        found = self._decoding.get(step)
        return None if found is None else found[1]

    def frames(self, step: int) -> dict[str, Tensor]:
        """Frames that were missing and have been decoded. Raises what their clip raised."""
        asked, future = self._decoding.pop(step)
        try:
            return future.result()
        except Exception:
            self.frames_asked -= self._frames_of(asked)
            raise

    def let_go(self) -> Future[None]:
        """Decode no more and close the clip, when its thread, which may serve others first, comes to it."""
        for asked, future in self._decoding.values():
            if future.cancel():
                self.frames_asked -= self._frames_of(asked)
        return self._thread.submit(self._clip.close)

    def _frames_of(self, step: Step) -> int:
        return len(step.groups) * self._group_size


def evidence_of(clips: list[Traveller], classes: int, device: torch.device) -> Evidence:
    """What is known of clips that have passed the same checkpoints."""
    J = len(clips[0].logits)
    none = torch.empty(0, classes, device=device)
    logits = [torch.stack(clip.logits) if J else none for clip in clips]
    gates = [torch.stack(clip.gates) for clip in clips] if clips[0].gates else None
    return Evidence(
        torch.stack(logits),
        None,
        torch.tensor([clip.number for clip in clips], device=device),
        None if gates is None else torch.stack(gates),
    )


def _groups_of(clip: ClipFrames, groups: tuple[int, ...]) -> dict[str, Tensor]:
    # Turned in memory here, beside inference, if it has to be.
    return {f"frames.{group}": clip.group(group).float().contiguous() for group in groups}
