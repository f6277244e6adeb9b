"""Many clips at once: steps that run in full batches, although clips leave at different checkpoints.

Legend: B clips of a batch, b of them that are there, J checkpoints so far, N classes.

Clips that survive a checkpoint wait before the next step, each in a row of a buffer that is the step's input;
the deepest step with a full buffer runs next, so that late steps run in full batches too and what waits is
finished before more is begun. Frames of later groups are decoded, in threads, for clips that are still there.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from types import TracebackType

import torch
from torch import Tensor

from dyninf.policies import LogitsNotFiniteError, Policy
from dyninf.runtime.answers import Answer, ClipFrames
from dyninf.runtime.infer import judge
from dyninf.runtime.runner import Runner
from dyninf.runtime.traveller import Traveller, evidence_of
from dyninf.runtime.waiting import Buffer, Waiting
from dyninf.runtime.walk import Step, StepResult, Tensors

FOR_THE_CLIP = (ValueError, OSError)
"""What is wrong with a clip, and no reason to stop for the others."""


def answer_clips(
    runner: Runner,
    policy: Policy,
    clips: Iterable[ClipFrames],
    batch: int = 1,
    memory_mb: float = 2048,
    decoders: int = 1,
    first: int = 0,
) -> Iterator[Answer]:
    """Answer every clip once, in the order in which they are given, each as soon as those before it are.

    batch: clips of a step; with 1, one clip after the other is taken through, as soon as possible, and
        nothing is decoded for the next one meanwhile.
    memory_mb, decoders, first: see `Queues`.

    A clip that cannot be read, or whose logits are not finite, has an answer with its error.
    """
    done: dict[int, Answer] = {}
    following = first
    waiting = iter(clips)
    with Queues(runner, policy, batch, memory_mb, decoders, first=first) as queues:
        more = True
        while more or queues.clips:
            while more and queues.has_room:
                clip = next(waiting, None)
                if clip is None:
                    more = False
                else:
                    queues.add(clip)
            for answer in queues.turn(more):
                done[answer.number] = answer
            while following in done:
                yield done.pop(following)
                following += 1


class Queues:
    """Clips on their way through the steps of a runner; to be used as a context, in one thread.

    batch: rows of a step's buffer. memory_mb: the most that buffers take together, in 2^20 bytes; where they
        are full, steps run with less than a batch before another clip is let in.
    decoders: threads that decode; a clip stays with one of them.
    finish_first: where no buffer is full and no clip about to be added, the deepest step runs, so that who
        came first is answered first. Otherwise the first one does, so that late steps run with more clips.
    first: number of the first clip; above 0 where others were answered before, by another process.

    Raises ValueError if the policy does not fit the network, or the memory is not enough for a batch.
    """

    def __init__(
        self,
        runner: Runner,
        policy: Policy,
        batch: int = 1,
        memory_mb: float = 2048,
        decoders: int = 1,
        finish_first: bool = False,
        first: int = 0,
    ) -> None:
        for name, value in (("batch", batch), ("decoders", decoders)):
            if value < 1:
                raise ValueError(f"{name} must be 1 or more, got {value}")
        network = runner.network
        self._K = len(network.checkpoints)
        policy.check_fits(self._K, network.gates is not None)
        policy.thresholds(self._K)
        self._runner, self._policy, self._batch = runner, policy, batch
        self._macs_K = network.costs(*runner.frame_size).macs_K
        self.waiting = Waiting(runner.plans, batch, memory_mb, runner.device)
        self._one_at_a_time = batch == 1
        self._finish_first = finish_first
        self._threads = ExitStack()
        self._decoders = deque(
            self._threads.enter_context(ThreadPoolExecutor(1, f"decoder-{i}")) for i in range(decoders)
        )
        self._closing: deque[Future[None]] = deque()
        self._given = first
        self.clips = 0

    def __enter__(self) -> Queues:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _, clip in self.waiting.rows():
            self._let_go(clip)
        self._threads.close()
        for closed in self._closing:
            closed.result()

    @property
    def has_room(self) -> bool:
        """Whether another clip can be added now."""
        if self._one_at_a_time and self.clips:
            return False
        return self.waiting.has_room(0, 1)

    def add(self, frames: ClipFrames) -> int:
        """Take a clip, whose first frames are decoded at once; its number, from `first` on."""
        number = self._given
        clip = Traveller(number, frames, self._decoders[0], self._runner.network.group_size)
        self._decoders.rotate(-1)
        self._given += 1
        self.clips += 1
        self.waiting.put(0, clip)
        clip.ask_for(self._runner.steps[0])
        return number

    def turn(self, more: bool = False, patience: float | None = None) -> list[Answer]:
        """Run one step, or wait for a frame that one needs; the answers that it gave, in no order.

        more: other clips are about to be added, so that a buffer that is not full may become so.
        patience: seconds to wait at most, where clips may come meanwhile; without end when left out.
        """
        answers = self._collect()
        number = self.waiting.deepest_full()
        if number is None:
            if more and self.has_room:
                return answers
            if pending := self._pending():
                if not answers:
                    wait(pending, patience, return_when=FIRST_COMPLETED)
                return answers
            number = self.waiting.next_unfull(drain=more or self._finish_first)
        return answers if number is None else answers + self._run(self._runner.steps[number])

    def _decode_next(self, clip: Traveller, survived: Step) -> None:
        """Have the frames decoded that a clip needs next, now that it is known to stay."""
        step = next((later for later in self._runner.steps[survived.number + 1 :] if later.groups), None)
        # Alone it would wait for them, so they are decoded while the steps before theirs run. Of many clips
        # others run meanwhile, and this one may still leave before.
        if step is not None and (self._one_at_a_time or step.number == survived.number + 1):
            clip.ask_for(step)

    def _pending(self) -> list[Future[dict[str, Tensor]]]:
        """What clips that wait for a step still miss there."""
        missing = (clip.missing(number) for number, clip in self.waiting.rows())
        return [future for future in missing if future is not None]

    def _collect(self) -> list[Answer]:
        """Put frames that have been decoded into the rows of their clips; answers of those that failed."""
        answers = []
        for number, clip in list(self.waiting.rows()):
            future = clip.missing(number)
            if future is None or not future.done():
                continue
            try:
                self.waiting.fill(number, clip, clip.frames(number))
            except FOR_THE_CLIP as error:
                self.waiting.remove(number, clip)
                answers.append(self._failed(clip, str(error)))
        return answers

    def _run(self, step: Step) -> list[Answer]:
        """Run a step for the clips of its first buffer, and the next ones while a full batch stays whole."""
        buffer: Buffer = self.waiting.take(step.number)
        while True:
            clips: list[Traveller] = list(buffer.clips)
            inputs = buffer.inputs()
            frames = {group: inputs[f"frames.{group}"] for group in step.groups}
            with torch.inference_mode():
                result = self._runner.run(step, Tensors(inputs), frames)
                answers, survivors = self._judge(step, clips, result)
            assert isinstance(result.carried, Tensors)
            if not self._goes_straight_on(step, len(survivors)):
                break
            # Nobody left, so there are no answers; it is the deepest full batch, and so would run next if it
            # did not have to share a buffer with clips that are there already.
            buffer = self.waiting.next_uncopied(buffer, result.carried.table)
            step = self._runner.steps[step.number + 1]
        there = [clips[row] for row in survivors]
        if there and self._one_at_a_time:  # nothing else runs, and so writes, before it goes on
            self.waiting.hand_over(buffer, result.carried.table)
        else:
            if there:
                self.waiting.put_many(step.number + 1, there, survivors, result.carried.table)
            self.waiting.give_back(buffer)
        for clip in there:
            self._decode_next(clip, step)
        return answers

    def _goes_straight_on(self, step: Step, survivors: int) -> bool:
        """Whether a batch can enter the next step as it is, without being copied."""
        if self._one_at_a_time or survivors < self._batch or self._runner.steps[step.number + 1].groups:
            return False
        besides = self.waiting.bytes_of_steps[step.number + 1]
        return self.waiting.has_room(step.number + 2, survivors, besides)

    def _judge(
        self, step: Step, clips: list[Traveller], result: StepResult
    ) -> tuple[list[Answer], list[int]]:
        """Answers of the clips that leave behind a step, and the rows of those that stay."""
        logits_BjN = result.logits_BjN.float().clone()  # the engine may write over its own
        finite_B = logits_BjN.isfinite().flatten(1).all(1)
        answers = []
        for row in (~finite_B).nonzero()[:, 0].tolist():
            error = LogitsNotFiniteError(clips[row].number, step.checkpoints[-1], clips[row].name)
            answers.append(self._failed(clips[row], str(error)))
        rows = finite_B.nonzero()[:, 0]
        if not len(rows):
            return answers, []
        gate_Bj = None if result.gate_Bj is None else result.gate_Bj[rows]
        there = [clips[row] for row in rows.tolist()]
        found = StepResult(logits_BjN[rows], gate_Bj, result.carried)
        evidence = evidence_of(there, logits_BjN.shape[-1], logits_BjN.device)
        evidence, stops_b = judge(self._policy, evidence, step.checkpoints, found, 1, self._K)
        stays = []
        for place, (row, stops) in enumerate(zip(rows.tolist(), stops_b.tolist(), strict=True)):
            if stops:
                answers.append(self._answered(clips[row], step, evidence.logits_BJN[place, -1]))
                continue
            stays.append(row)
            clips[row].logits = list(evidence.logits_BJN[place].unbind(0))
            if evidence.gate_BJ is not None:
                clips[row].gates = list(evidence.gate_BJ[place].unbind(0))
        return answers, stays

    def _answered(self, clip: Traveller, step: Step, logits_N: Tensor) -> Answer:
        probability, label = logits_N.softmax(-1).max(-1)
        k = step.checkpoints[-1]
        return self._end(clip, k, int(label), float(probability), logits_N.cpu().clone(), None)

    def _failed(self, clip: Traveller, error: str) -> Answer:
        return self._end(clip, None, None, None, None, " ".join(error.split()))

    def _end(
        self,
        clip: Traveller,
        checkpoint: int | None,
        label: int | None,
        probability: float | None,
        logits_N: Tensor | None,
        error: str | None,
    ) -> Answer:
        milliseconds = (time.perf_counter() - clip.begun) * 1000
        self._let_go(clip)
        self.clips -= 1
        passed = len(clip.logits) - 1 if checkpoint is None else checkpoint
        macs = self._macs_K[passed].item() if passed >= 0 else 0.0
        return Answer(
            clip.number, clip.name, label, probability, checkpoint, macs, milliseconds,
            clip.frames_asked, logits_N, error,
        )  # fmt: skip

    def _let_go(self, clip: Traveller) -> None:
        self._closing.append(clip.let_go())
        while self._closing and self._closing[0].done():
            self._closing.popleft().result()
