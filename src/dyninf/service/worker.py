"""The one thread that runs the network, and that clips of all requests go through."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import Empty, SimpleQueue

from dyninf.runtime import Answer, ClipFrames, Queues

PATIENCE = 0.02
"""Seconds that frames are waited for before it is looked whether other clips have come."""

logger = logging.getLogger(__name__)

Request = tuple[Future[Answer], ClipFrames]


class WorkerEndedError(RuntimeError):
    """The worker takes no clips any more: it was stopped, or an error ended it."""


class Worker:
    """Takes clips from any thread through queues that it alone uses, from `start` on.

    queues: new ones; the thread closes them. note: told every answer, in the thread, whether somebody still
        waits for it or not.

    How many clips wait is for the caller to limit. An error that is not about a clip ends the worker, with
    `failure`; whoever waits gets a `WorkerEndedError`.
    """

    def __init__(self, queues: Queues, note: Callable[[Answer], None] = lambda answer: None) -> None:
        self._queues = queues
        self._note = note
        self._inbox: SimpleQueue[Request | None] = SimpleQueue()
        self._begun: dict[int, Request] = {}
        self._gate = threading.Lock()
        self._closed = False
        self._is_last = False
        self._thread = threading.Thread(target=self._run, name="network", daemon=True)
        self.failure: BaseException | None = None

    def start(self) -> None:
        self._thread.start()

    @property
    def is_well(self) -> bool:
        """Whether it takes clips."""
        return self._thread.is_alive() and not self._closed

    @property
    def held_bytes(self) -> int:
        """Of the buffers in which clips wait between steps."""
        return self._queues.waiting.held_bytes

    def submit(self, clip: ClipFrames) -> Future[Answer]:
        """Have a clip answered and closed. A future that is cancelled before the clip is begun drops it.

        Raises WorkerEndedError, with the clip closed, where none are taken any more.
        """
        future: Future[Answer] = Future()
        with self._gate:
            if not self._closed:
                self._inbox.put((future, clip))
                return future
        clip.close()
        raise WorkerEndedError("no more clips are taken")

    def stop(self) -> None:
        """Take no more clips; returns when those that were given are answered or dropped, and closed."""
        with self._gate:
            if not self._closed:
                self._closed = True
                self._inbox.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            with self._queues as queues:
                while self._admit(queues):
                    for answer in queues.turn(more=not self._inbox.empty(), patience=PATIENCE):
                        self._note(answer)
                        future, _ = self._begun.pop(answer.number)
                        future.set_result(answer)
        except BaseException as error:
            logger.exception("the network's thread has ended")
            self._fail(error)

    def _admit(self, queues: Queues) -> bool:
        """Begin clips while there is room, waiting for one where there is none at all; False at the end."""
        while queues.has_room:
            try:
                request = self._inbox.get(block=not queues.clips and not self._is_last)
            except Empty:
                return queues.clips > 0
            if request is None:
                self._is_last = True
                continue
            future, clip = request
            if future.set_running_or_notify_cancel():
                self._begun[queues.add(clip)] = request
            else:
                clip.close()
        return True

    def _fail(self, error: BaseException) -> None:
        with self._gate:
            self.failure, self._closed = error, True
        begun, self._begun = list(self._begun.values()), {}
        for future, clip in begun:
            clip.close()  # may be the second time: the queues have closed those that they still knew
            _end(future, error)
        while not self._inbox.empty():
            if (request := self._inbox.get()) is not None:
                request[1].close()
                if request[0].set_running_or_notify_cancel():
                    _end(request[0], error)


def _end(future: Future[Answer], error: BaseException) -> None:
    ended = WorkerEndedError("the network's thread has ended")
    ended.__cause__ = error
    future.set_exception(ended)
