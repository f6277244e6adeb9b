"""Work in processes of which each may crash or hang without an end to the others."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from itertools import islice
from multiprocessing.connection import Connection, wait
from typing import Any, Generic, NamedTuple, TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

GRACE_SECONDS = 60
PATIENCE_SECONDS = 5  # with a killed process, which may not end while it waits for a disk


class Lost(NamedTuple):
    """An item whose process came to no result. timed_out: it was ended; otherwise it crashed."""

    timed_out: bool
    reason: str


def each_in_a_process(
    work: Callable[[Item], Result], items: Sequence[Item], jobs: int, time_limit: float
) -> Iterator[tuple[int, Result | Lost]]:
    """Call `work` for every item, and give the item's index and what came of it, in the order of the ends.

    A process does one item after the other; one that is lost is replaced by a new one.

    Args:
        work: can be pickled, and so can items and results; has to catch its exceptions.
        jobs: processes.
        time_limit: seconds for each item.
    """
    waiting = iter(range(len(items)))
    workers: list[_Worker[Item, Result]] = []
    try:
        for index in islice(waiting, jobs):
            workers.append(_Worker(work))
            workers[-1].take(index, items[index], time_limit)
        while workers:
            soonest = min(worker.deadline for worker in workers)
            ready = wait([worker.connection for worker in workers], max(0, soonest - time.monotonic()))
            for place, worker in reversed(list(enumerate(workers))):
                if worker.connection in ready:
                    result = worker.result()
                elif worker.deadline <= time.monotonic():
                    result = Lost(True, f"took more than {time_limit:g} s")
                else:
                    continue
                index, following = worker.index, next(waiting, None)
                if isinstance(result, Lost) or following is None:
                    worker.end()
                if following is None:
                    del workers[place]
                else:
                    if isinstance(result, Lost):
                        workers[place] = worker = _Worker(work)
                    worker.take(following, items[following], time_limit)
                yield index, result
    finally:
        for worker in workers:
            worker.end()


class _Worker(Generic[Item, Result]):
    """A process, and the item that it is at.

    Raises:
        RuntimeError: the process did not start.
    """

    index: int
    deadline: float

    def __init__(self, work: Callable[[Item], Result]) -> None:
        # Not forked from here, where there are threads; a server that has imported everything forks at once.
        method = "forkserver" if "forkserver" in multiprocessing.get_all_start_methods() else "spawn"
        context: Any = multiprocessing.get_context(method)
        context.set_forkserver_preload([__name__])
        self.connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, work), daemon=True)
        self._process.start()
        theirs.close()
        try:
            self.connection.recv()  # it is there: starting does not count as time of an item
        except EOFError:
            raise RuntimeError("a process that was to read files did not start; its error is above") from None

    def take(self, index: int, item: Item, time_limit: float) -> None:
        self.index, self.deadline = index, time.monotonic() + time_limit
        with suppress(OSError):  # it ended: then so says the result
            self.connection.send(item)

    def result(self) -> Result | Lost:
        try:
            result: Result = self.connection.recv()
            return result
        except (EOFError, OSError):
            self._process.join(PATIENCE_SECONDS)
            code = self._process.exitcode or 0
            how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            return Lost(False, f"the process that read it crashed ({how})")

    def end(self) -> None:
        self._process.kill()
        self._process.join(PATIENCE_SECONDS)
        self.connection.close()


def _serve(connection: Connection, work: Callable[[Any], Any]) -> None:
    live_and_die_with_the_maker()
    connection.send(None)
    with suppress(EOFError):
        while True:
            connection.send(work(connection.recv()))


def live_and_die_with_the_maker() -> None:
    """In a process that another one made: leave Ctrl-C and SIGUSR1 to it, and end when it does."""
    for number in (signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    maker = multiprocessing.parent_process()
    assert maker is not None, "runs in processes that were made by another one only"

    def watch() -> None:
        wait([maker.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def leave_signals_to_the_maker(worker: int = 0) -> None:
    """In a process of a loader: those that ask a training to save, or to end once it has, are not for it.

    A terminal and a scheduler send them to all processes alike. After SIGTERM it goes on for its maker, which
    saves and then ends it, for `GRACE_SECONDS` at most.
    """
    for number in (signal.SIGINT, signal.SIGUSR1):
        signal.signal(number, signal.SIG_IGN)
    maker = multiprocessing.parent_process()
    assert maker is not None, "runs in processes that were made by another one only"
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    signal.signal(signal.SIGTERM, lambda number, frame: None)
    signal.set_wakeup_fd(writing)  # also told of while a decoder runs, in which no handler is called

    def watch() -> None:
        while signal.SIGTERM not in os.read(reading, 1):
            pass
        wait([maker.sentinel], GRACE_SECONDS)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def cores() -> int:
    """A container's share of the machine, where the system tells it."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
