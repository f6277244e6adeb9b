"""Recording a split to a folder: shard by shard, by any number of processes, however often they are killed.

Shards lie in ``.NAME.recording-PLAN`` beside the folder of the trace until all are there; then the first
process makes the trace of them. Shards of the same plan are not recorded again, those of another are removed.
The bytes of a trace do not depend on the number of processes, nor on when they were killed.
"""

import shutil
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch

from dyninf.atomic import remove_left
from dyninf.batch import Batch
from dyninf.grid import Network, evaluation_mode, video_macs
from dyninf.json_file import read_json
from dyninf.trace.answers import Answers, answers
from dyninf.trace.logits import LogitsForm
from dyninf.trace.shard import VIDEOS, Plan, Shard
from dyninf.trace.share import Claims, Share
from dyninf.trace.trace import Trace
from dyninf.trace.trace_file import Part, write_trace

POLL_SECONDS = 0.2
SHARDS = ".*.recording-*/*.pt"
"""Finished shards of recordings that have not ended, below the folder of the traces."""

Load = Callable[[Iterable[list[int]]], Iterable[Batch]]
"""From lists of places in the split to a batch each, in order; one that no video is left of may be absent."""


@dataclass(frozen=True)
class Recording:
    """How traces are recorded.

    logits: how they are kept (`LogitsForm`). shard: videos after which what was recorded is on the disk.
    share: which of several processes this one is.

    Raises ValueError that names the value if one makes no sense.
    """

    logits: str = "float32"
    shard: int = VIDEOS
    share: Share = field(default_factory=Share)

    def __post_init__(self) -> None:
        LogitsForm(self.logits)
        if self.shard < 1:
            raise ValueError(f"a shard needs 1 video or more, got {self.shard}")


def record_to(
    folder: Path,
    network: Network,
    plan: Plan,
    load: Load,
    share: Share | None = None,
    left_out: Callable[[], Mapping[str, str]] = dict,
) -> Trace | None:
    """Record a plan as far as it is not there yet; its trace at `folder`, None for all but the first process.

    The first process waits for what others are at, and takes over what they do not end.

    load: asks for a batch only when it is to be read soon: shards are claimed so.
    left_out: videos that were skipped so far, with the reason.

    Raises ValueError as `Trace.record` does; if a video of the split is missing, or there twice; if something
    else is at `folder`.
    """
    share = share or Share()
    work = folder.parent / f".{folder.name}.recording-{plan.digest}"
    if share.is_first:
        remove_left(folder)
        for old in folder.parent.glob(f".{folder.name}.recording-*"):
            if old != work:
                shutil.rmtree(old, ignore_errors=True)
    while not is_recorded(folder, plan):
        work.mkdir(parents=True, exist_ok=True)
        with Claims(work / "claims") as claims, evaluation_mode(network):
            recording = _Recording(
                work, network, plan, load, claims, left_out, lambda: is_recorded(folder, plan)
            )
            recording.record(share)
            if not share.is_first:
                break
            while recording.missing() and not is_recorded(folder, plan):
                time.sleep(POLL_SECONDS)
                if recording.is_any_free():  # else a loader would start its processes for nothing, each time
                    recording.record(share)
            # Of several first processes, as where a command was started twice, one merges.
            if claims.take(plan.shards):
                _merge(folder, work, network, plan)
            else:
                time.sleep(POLL_SECONDS)
    if is_recorded(folder, plan):
        shutil.rmtree(work, ignore_errors=True)
    return Trace.load(folder) if share.is_first else None


def is_recorded(folder: Path, plan: Plan) -> bool:
    """Whether the trace at a folder is the whole of this plan."""
    try:
        return bool(read_json(folder / "trace.json")["recording"] == plan.digest)
    except (OSError, ValueError, KeyError, TypeError):
        return False


def left_out_of(folder: Path) -> Mapping[str, str]:
    """The videos that a recorded trace was made without, with the reason."""
    found: Mapping[str, str] = read_json(folder / "trace.json").get("left_out", {})
    return found


class _Recording:
    """One process at work on the shards of a folder."""

    def __init__(
        self,
        work: Path,
        network: Network,
        plan: Plan,
        load: Load,
        claims: Claims,
        left_out: Callable[[], Mapping[str, str]],
        is_over: Callable[[], bool],
    ) -> None:
        self.work, self.network, self.plan, self.load = work, network, plan, load
        self.claims, self.left_out, self.is_over = claims, left_out, is_over

    def missing(self) -> list[int]:
        return [shard for shard in range(self.plan.shards) if not self._file(shard).is_file()]

    def is_any_free(self) -> bool:
        """Whether a shard is missing that no other process is at."""
        for shard in self.missing():
            if self.claims.take(shard):
                self.claims.give_back(shard)
                return True
        return False

    def record(self, share: Share) -> None:
        """All shards that are missing and that no other process is at."""
        claimed: deque[int] = deque()
        batches = _Asked(lambda: self._claimed(share, claimed))
        found: list[Answers] = []
        for answer in answers(self.network, self.load(batches)):
            shard = self._shard_of(answer)
            if shard not in claimed:
                raise ValueError(
                    f"the loader gave {answer.video_ids[0]}, which it was not asked for, or again"
                )
            # Batches come in order: what was claimed before this one's shard is through.
            while claimed[0] != shard:
                self._finish(claimed.popleft(), found)
                found = []
            found.append(answer)
            if answer.video_ids[-1] == self.plan.ids_of(shard)[-1]:
                self._finish(claimed.popleft(), found)
                found = []
        while claimed:
            self._finish(claimed.popleft(), found)
            found = []

    def _claimed(self, share: Share, claimed: deque[int]) -> Iterator[list[int]]:
        for shard in share.order(self.plan.shards):
            path = self._file(shard)
            if path.is_file() or not self.claims.take(shard):
                continue
            if path.is_file() or self.is_over():  # another one has just ended it, or all of it
                self.claims.give_back(shard)
                continue
            remove_left(path)
            claimed.append(shard)
            yield from self.plan.batches_of(shard)

    def _finish(self, shard: int, found: list[Answers]) -> None:
        """Write a shard of what the network said of it."""
        path, ids = self._file(shard), self.plan.ids_of(shard)
        skipped = self.left_out()
        without = {video_id: skipped[video_id] for video_id in ids if video_id in skipped}
        shapes = {answer.shape for answer in found}
        _check_sizes(shapes)
        made = Shard(_part(found, self.plan), without, next(iter(shapes), None))
        made.check(ids, path)
        made.save(path)
        self.claims.give_back(shard)

    def _shard_of(self, answer: Answers) -> int:
        for video_id in answer.video_ids:
            if video_id not in self.plan.place:
                raise ValueError(f"the loader gave {video_id}, which is no video of {self.plan.info.split}")
        return self.plan.place[answer.video_ids[0]] // self.plan.size

    def _file(self, shard: int) -> Path:
        return self.plan.file_of(self.work, shard)


class _Asked:
    """Something to go through that is made anew each time, as a loader's sampler is."""

    def __init__(self, make: Callable[[], Iterator[list[int]]]) -> None:
        self._make = make

    def __iter__(self) -> Iterator[list[int]]:
        return self._make()


def _merge(folder: Path, work: Path, network: Network, plan: Plan) -> None:
    """Make the trace of its shards, of which one is in memory at a time; not where one is missing or damaged.

    A damaged one is removed, to be recorded again. Raises ValueError that names videos that are missing or
    there twice, or frame sizes that differ.
    """
    files = [plan.file_of(work, shard) for shard in range(plan.shards)]
    left_out: dict[str, str] = {}
    shapes: set[tuple[int, ...]] = set()
    is_whole = True
    for shard, path in enumerate(files):
        try:
            found = Shard.load(path, plan)
        except (FileNotFoundError, ValueError):
            path.unlink(missing_ok=True)
            is_whole = False
            continue
        found.check(plan.ids_of(shard), path)
        left_out |= found.left_out
        shapes |= {found.shape} if found.shape is not None else set()
    if not is_whole or is_recorded(folder, plan):
        return
    _check_sizes(shapes)
    if not shapes:
        raise ValueError(f"no video of {plan.info.split} could be recorded")
    more = {"recording": plan.digest} | ({"left_out": left_out} if left_out else {})
    videos = len(plan.video_ids) - len(left_out)
    parts = (Shard.load(path, plan).part for path in files)
    write_trace(folder, plan.info, video_macs(network, shapes.pop()), plan.form, videos, parts, more)


def _part(found: list[Answers], plan: Plan) -> Part:
    if not found:
        K, N = len(plan.info.checkpoints), len(plan.info.classes)
        return Part(plan.form.rows(torch.zeros(0, K, N)), torch.zeros(0, dtype=torch.long), [], None)
    gates = [answer.gate_BK for answer in found if answer.gate_BK is not None]
    return Part(
        plan.form.rows(torch.cat([answer.logits_BKN for answer in found])),
        torch.cat([answer.label_B for answer in found]),
        [video_id for answer in found for video_id in answer.video_ids],
        torch.cat(gates) if gates else None,
    )


def _check_sizes(shapes: set[tuple[int, ...]]) -> None:
    if len(shapes) > 1:
        raise ValueError(
            f"a trace needs videos of one frame size and number of views, the loader gave {sorted(shapes)}"
        )
