"""How shards are handed to workers of Ray, and what becomes of those of a worker that is lost."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from dyninf.predicting import progress
from dyninf.report import Prediction, Shards, Totals

Answers = tuple[list[Prediction], Totals]
"""The rows of some videos in their order, and the sums over them."""

LOST_STARTS = 3
"""Workers in a row that may be lost before one is ready."""


@dataclass
class Piece:
    """Videos of a shard that one worker is given: all, or after it was lost too often with them, each alone.

    first: the place of the first in the shard. lost: workers that were lost with the piece.
    """

    shard: int
    first: int
    videos: Sequence[Path]
    lost: int = 0


class Crew:
    """Workers, what each is at, and what is left to do.

    ray: the package, initialised. hire: makes an actor with the methods of `predicting_on_ray.Worker`.
    shards: of which those left are answered. retries: of a piece whose worker was lost. totals: counts.
    say: told of workers that are lost.
    """

    def __init__(
        self,
        ray: Any,
        hire: Callable[[], Any],
        shards: Shards,
        retries: int,
        totals: Totals,
        say: Callable[[str], None],
    ) -> None:
        self._ray, self._hire, self._shards, self._retries = ray, hire, shards, retries
        self._totals, self._say = totals, say
        self._left = deque(Piece(number, 0, shards.videos_of(number)) for number in shards.left)
        self._busy: dict[Any, tuple[Any, Piece | None]] = {}
        self._idle: list[Any] = []
        self._answered: dict[int, dict[int, list[Prediction]]] = defaultdict(dict)
        self._lost_starts = 0
        # Of the worker, of the machine with its result, or for the memory of others on it.
        known = ray.exceptions
        self._gone = (known.RayActorError, known.ObjectLostError, known.OutOfMemoryError)

    def work(self, workers: int) -> None:
        """Answer all that is left with so many workers; Ctrl-C ends it, with the shards so far.

        Raises what answering raised in a worker, and OSError if workers are lost before they begin.
        """
        videos = list(chain.from_iterable(piece.videos for piece in self._left))
        try:
            with progress(videos) as advance:
                for _ in range(workers):
                    self._add_worker()
                while self._left or any(piece for _, piece in self._busy.values()):
                    [done], _ = self._ray.wait(list(self._busy), num_returns=1)
                    advance(self._take(done))
        except KeyboardInterrupt:
            self._totals.interrupted = True

    def _add_worker(self) -> None:
        worker = self._hire()
        self._busy[worker.begin.remote()] = (worker, None)

    def _take(self, done: Any) -> int:
        """What a worker has come to, and something new for it to do; how many videos have rows by it."""
        worker, piece = self._busy.pop(done)
        finished = 0
        try:
            result = self._ray.get(done)
        except self._gone:
            finished = self._lose(piece)
            if self._left:
                self._add_worker()
        except self._ray.exceptions.RayTaskError as error:
            raise error.cause from error
        else:
            self._lost_starts = 0
            self._idle.append(worker)
            if piece is not None:
                self._finish(piece, result)
                finished = len(piece.videos)
        while self._idle and self._left:
            worker, piece = self._idle.pop(), self._left.popleft()
            self._busy[worker.answer.remote(piece.videos)] = (worker, piece)
        return finished

    def _lose(self, piece: Piece | None) -> int:
        """Put back what a lost worker was at; a video that was so often alone with one gets a row."""
        if piece is None:
            self._lost_starts += 1
            if self._lost_starts == LOST_STARTS:
                raise OSError(
                    f"{LOST_STARTS} workers in a row were killed or crashed before they had the network; "
                    "there may be too little memory for so many: give fewer engine.workers"
                )
            return 0
        piece.lost += 1
        if piece.lost <= self._retries:
            again, told = [piece], "given to another"
        elif len(piece.videos) > 1:
            again = [Piece(piece.shard, piece.first + i, [video]) for i, video in enumerate(piece.videos)]
            told = "tried one by one"
        else:
            again, told = [], "given up"
        self._left.extendleft(reversed(again))
        which = f"its {len(piece.videos)} videos are" if len(piece.videos) > 1 else f"{piece.videos[0]} is"
        self._say(f"a worker was killed or crashed; {which} {told}")
        if again:
            return 0
        [path] = piece.videos
        times = f"{piece.lost} times" if piece.lost > 1 else "once"
        row = Prediction(
            str(path), error=f"{path}: the worker that had it alone was killed or crashed, {times}"
        )
        totals = Totals()
        totals.add_video(row)
        self._finish(piece, ([row], totals))
        return 1

    def _finish(self, piece: Piece, answers: Answers) -> None:
        """Keep the rows of a piece, and write the shard if they were the last of it."""
        rows, totals = answers
        self._totals.add(totals)
        parts = self._answered[piece.shard]
        parts[piece.first] = rows
        videos = self._shards.videos_of(piece.shard)
        if sum(row.window is None for part in parts.values() for row in part) == len(videos):
            self._shards.write(piece.shard, [row for first in sorted(parts) for row in parts[first]])
            del self._answered[piece.shard]
