"""Where clips wait between steps: rows of buffers, each the input of its step.

Legend: B rows of a buffer.

A clip that survives a step is copied once, out of the step's results into its row of the next step's input,
unless all of its batch go on at once.
Buffers are used again, and all of them together stay under a limit.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from dyninf.grid import SegmentPlan
from dyninf.runtime.traveller import Traveller

MEBI = 2**20
FLOAT32_BYTES = 4
BUFFERS = 2
"""Of a step at most: one that is full, or whose frames are being decoded, and one that fills meanwhile."""


class Buffer:
    """The input of a step for up to B clips, and what they carry through it.

    step: its number. table: name → tensor (B, ...), of frames and of what is carried. clips: one a row.
    behind: the buffer of the step before, where this one only refers to what it holds.
    """

    def __init__(
        self, step: int, shapes: Mapping[str, tuple[int, ...]], batch: int, device: torch.device
    ) -> None:
        self.step = step
        self.table = {name: torch.empty(batch, *shape, device=device) for name, shape in shapes.items()}
        self.batch = batch
        self.clips: list[Traveller] = []
        self.behind: Buffer | None = None

    @property
    def free(self) -> int:
        return self.batch - len(self.clips)

    def inputs(self) -> dict[str, Tensor]:
        """The rows in use."""
        return {name: tensor[: len(self.clips)] for name, tensor in self.table.items()}

    def remove(self, clip: Traveller) -> None:
        """Take a clip out; the last row moves into its place."""
        row, last = self.clips.index(clip), len(self.clips) - 1
        if row != last:
            for tensor in self.table.values():
                tensor[row].copy_(tensor[last])
        self.clips[row] = self.clips[last]
        del self.clips[last]


class Waiting:
    """The buffers of all steps.

    plans: of the steps. batch: rows of a buffer. memory_mb: of all buffers together, in 2^20 bytes.
    device: where the steps run.

    Raises ValueError if that is not enough for a batch to go from step to step.
    """

    def __init__(
        self, plans: Sequence[SegmentPlan], batch: int, memory_mb: float, device: torch.device
    ) -> None:
        self.batch = batch
        self._device = device
        self._shapes = list(_row_shapes(plans))
        self.bytes_of_steps = [
            batch * FLOAT32_BYTES * sum(math.prod(shape) for shape in shapes.values())
            for shapes in self._shapes
        ]
        self._limit = memory_mb * MEBI
        # The deepest clips can always go on: their buffer, and one more before it is given back. A clip by
        # itself is handed over from step to step, and all that it was handed is held to the end.
        self._reserve = 0 if batch == 1 else 2 * max(self.bytes_of_steps)
        least = sum(self.bytes_of_steps) if batch == 1 else max(self.bytes_of_steps) + self._reserve
        if self._limit < least:
            raise ValueError(
                f"memory_mb={memory_mb:g} is not enough: batches of {batch} need {math.ceil(least / MEBI)} "
                "at least; take more, or a smaller batch"
            )
        self._queues: list[list[Buffer]] = [[] for _ in plans]
        self._free: dict[int, list[Buffer]] = defaultdict(list)
        self.held_bytes = 0
        self.peak_bytes = 0

    def rows(self) -> Iterator[tuple[int, Traveller]]:
        """All clips, each with the number of the step that it waits for."""
        for number, buffers in enumerate(self._queues):
            for buffer in buffers:
                yield from ((number, clip) for clip in buffer.clips)

    def has_room(self, step: int, clips: int, besides: int = 0) -> bool:
        """Whether so many clips more can wait for a step, which nobody does behind the last one.

        besides: bytes that are held as well by then.
        """
        needed = besides
        if step < len(self._queues):
            buffers = self._queues[step]
            short = clips - sum(buffer.free for buffer in buffers)
            new = -(-max(short, 0) // self.batch)
            if new and len(buffers) + new > BUFFERS:
                return False
            needed += new * self.bytes_of_steps[step]
        deeper_is_empty = not any(self._queues[step:])
        allowed = self._limit - (0 if deeper_is_empty and step > 0 else self._reserve)
        return self.held_bytes + needed <= allowed or needed == 0

    def put(self, step: int, clip: Traveller) -> None:
        """Give a clip a row."""
        self._buffer_with_room(step).clips.append(clip)

    def put_many(
        self, step: int, clips: Sequence[Traveller], rows: Sequence[int], table: Mapping[str, Tensor]
    ) -> None:
        """Give clips rows, with what `table` has for them at `rows`."""
        placed = 0
        while placed < len(clips):
            buffer = self._buffer_with_room(step)
            count = min(buffer.free, len(clips) - placed)
            start = len(buffer.clips)
            index = torch.tensor(rows[placed : placed + count], device=self._device)
            for name, target in buffer.table.items():
                if not name.startswith("frames."):
                    torch.index_select(table[name], 0, index, out=target[start : start + count])
            buffer.clips.extend(clips[placed : placed + count])
            placed += count

    def hand_over(self, buffer: Buffer, table: Mapping[str, Tensor]) -> None:
        """Have the one clip of a buffer, which was taken, wait for the next step with what `table` refers to.

        Only where batches are of one clip; see `next_uncopied`. In place of `put_many` and `give_back`.
        """
        self._queues[buffer.step + 1].append(self.next_uncopied(buffer, table))

    def next_uncopied(self, buffer: Buffer, table: Mapping[str, Tensor]) -> Buffer:
        """The clips of a buffer, which was taken, with what `table` refers to as the input of the next step.

        Nothing is copied, so what the table refers to must not be written before the clips have gone on. It
        is to be given back in place of the buffer.
        """
        step = buffer.step + 1
        new = Buffer(step, {}, self.batch, self._device)
        new.table = dict(table)
        new.clips, new.behind = buffer.clips, buffer
        self.held_bytes += self.bytes_of_steps[step]
        self._shrink()
        self._note_peak()
        return new

    def fill(self, step: int, clip: Traveller, tensors: Mapping[str, Tensor]) -> None:
        """Put frames into a clip's row."""
        buffer = self._buffer_of(step, clip)
        row = buffer.clips.index(clip)
        for name, tensor in tensors.items():
            if self.batch == 1:
                buffer.table[name] = tensor[None].to(self._device)  # no need to copy
            else:
                buffer.table[name][row].copy_(tensor)

    def remove(self, step: int, clip: Traveller) -> None:
        """Take a clip out of its row."""
        buffer = self._buffer_of(step, clip)
        buffer.remove(clip)
        if not buffer.clips:
            self._queues[step].remove(buffer)
            self.give_back(buffer)

    def deepest_full(self) -> int | None:
        """The deepest step with a full buffer, all of it ready, whose clips can go on; or None."""
        for number in reversed(range(len(self._queues))):
            buffers = self._queues[number]
            if not buffers or buffers[0].free or not self.has_room(number + 1, self.batch):
                continue
            if all(clip.missing(number) is None for clip in buffers[0].clips):
                return number
        return None

    def next_unfull(self, drain: bool) -> int | None:
        """A step to run although its buffer is not full; None if nothing waits.

        drain: the deepest, to make room. Otherwise the first from which clips can go on, so that those behind
            it are joined by as many as possible.
        """
        there = [number for number, buffers in enumerate(self._queues) if buffers]
        if drain:
            there.reverse()
        for number in there:
            if self.has_room(number + 1, len(self._queues[number][0].clips)):
                return number
        return None

    def take(self, step: int) -> Buffer:
        """The first buffer of a step, out of its queue; to be given back."""
        return self._queues[step].pop(0)

    def give_back(self, buffer: Buffer) -> None:
        """Have a buffer used again, or its memory freed where that would be too much."""
        self.held_bytes -= self.bytes_of_steps[buffer.step]
        buffer.clips = []
        if buffer.behind is None:
            self._free[buffer.step].append(buffer)
        else:
            self.give_back(buffer.behind)

    def _buffer_of(self, step: int, clip: Traveller) -> Buffer:
        return next(buffer for buffer in self._queues[step] if clip in buffer.clips)

    def _buffer_with_room(self, step: int) -> Buffer:
        for buffer in self._queues[step]:
            if buffer.free:
                return buffer
        buffer = self._new(step)
        self._queues[step].append(buffer)
        return buffer

    def _new(self, step: int) -> Buffer:
        self.held_bytes += self.bytes_of_steps[step]
        if self._free[step]:
            return self._free[step].pop()
        self._shrink()
        buffer = Buffer(step, self._shapes[step], self.batch, self._device)
        self._note_peak()
        return buffer

    def _note_peak(self) -> None:
        spare = sum(self.bytes_of_steps[number] * len(free) for number, free in self._free.items())
        self.peak_bytes = max(self.peak_bytes, self.held_bytes + spare)

    def _shrink(self) -> None:
        """Free buffers that nobody uses until the limit is kept."""
        spare = {number: free for number, free in self._free.items() if free}
        while (
            spare
            and self.held_bytes + sum(self.bytes_of_steps[n] * len(f) for n, f in spare.items()) > self._limit
        ):
            number = max(spare, key=lambda n: self.bytes_of_steps[n])
            spare[number].pop()
            spare = {number: free for number, free in self._free.items() if free}


def _row_shapes(plans: Sequence[SegmentPlan]) -> Iterator[dict[str, tuple[int, ...]]]:
    """Of each step: its frames, and what clips carry into it, read there or not."""
    carried: dict[str, tuple[int, ...]] = {}
    for plan in plans:
        frames = {
            f"frames.{group}": shape for group, shape in zip(plan.groups, plan.input_shapes, strict=False)
        }
        yield {**frames, **carried}
        carried = dict(plan.carried_shapes)
