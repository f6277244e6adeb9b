"""Cases that run in processes of their own: a crash, a hang or a flood of memory is an outcome like others.

A child runs case after case and is started anew after one that it does not survive. Linux only: memory is
read from /proc.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

FAULT = "FAULT"
SECONDS = 20
"""Of the processor's time that a case may take; on the clock, as others use it, `PATIENCE` times as many."""
PATIENCE = 5
MEGABYTES = 1024
"""A child's resident memory may grow by so much, at its peak, over what it is when its imports are done."""
_POLL = 0.05  # seconds between two looks at the memory
_BEGIN = 600  # seconds for a child's imports, on a machine that is busy


class Work(Protocol):
    """Cases by their numbers. What it raises is a fault."""

    def read(self, number: int) -> object:
        """What is watched: reading the case's file, with a clean error as a result like others."""

    def judge(self, number: int, result: object) -> tuple[str, str]:
        """The outcome, and the reason, of what `read` gave."""


@dataclass(frozen=True)
class Report:
    """What became of a case. seconds: of the processor; megabytes: by which memory grew at its peak."""

    number: int
    outcome: str
    reason: str
    seconds: float
    megabytes: float


def run_cases(begin: Callable[[Path], Work], numbers: Sequence[int], jobs: int = 1) -> list[Report]:
    """The reports of these cases, in their order.

    Args:
        begin: gives a child its work, and a folder to write into; at the top of a module.
        jobs: children at a time.
    """

    def run_share(share: Sequence[int]) -> list[Report]:
        child = Child(begin)
        try:
            return [child.run(number) for number in share]
        finally:
            child.end()

    with ThreadPoolExecutor(jobs) as pool:
        shares = list(pool.map(run_share, [numbers[start::jobs] for start in range(jobs)]))
    return sorted((report for share in shares for report in share), key=lambda report: report.number)


class Child:
    """One process at a time, and the next after one that a case has ended."""

    def __init__(self, begin: Callable[[Path], Work]) -> None:
        self._begin = begin
        self._start()

    def run(self, number: int) -> Report:
        """Run a case; a child that does not survive it is replaced."""
        self._connection.send(number)
        began, started = time.monotonic(), self._processor_seconds()
        peak = seconds = 0.0
        while not self._connection.poll(_POLL):
            seconds, grown = self._processor_seconds() - started, self._grown()
            peak = max(peak, grown)
            late = seconds > SECONDS or time.monotonic() - began > PATIENCE * SECONDS
            if late or grown > MEGABYTES:
                self._replace()
                return Report(number, FAULT, f"over its {'time' if late else 'memory'}", seconds, peak)
        try:
            outcome, reason, seconds, megabytes = self._connection.recv()
        except EOFError:
            self._process.join()
            code = self._process.exitcode or 0
            name = signal.Signals(-code).name if code < 0 else f"exit code {code}"
            self._replace()
            return Report(number, FAULT, f"crash: {name}", seconds, peak)
        if seconds > SECONDS or megabytes > MEGABYTES:
            outcome, reason = FAULT, f"over its {'time' if seconds > SECONDS else 'memory'}"
            self._replace()
        return Report(number, outcome, reason, seconds, megabytes)

    def end(self) -> None:
        """End the process and remove its folder."""
        self._process.kill()
        self._process.join()
        self._connection.close()
        self._folder.cleanup()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._folder = TemporaryDirectory(prefix="dyninf-fuzz-")
        self._connection, other = context.Pipe()
        self._process = context.Process(
            target=_serve, args=(self._begin, Path(self._folder.name), other), daemon=True
        )
        self._process.start()
        other.close()
        if not self._connection.poll(_BEGIN):
            raise RuntimeError(f"a child has not begun within {_BEGIN} seconds")
        self._base: float = self._connection.recv()

    def _replace(self) -> None:
        self.end()
        self._start()

    def _grown(self) -> float:
        try:
            return _status("VmRSS", self._process.pid) - self._base
        except (OSError, StopIteration):
            return 0.0  # it has just ended, and has no memory left

    def _processor_seconds(self) -> float:
        try:
            fields = Path(f"/proc/{self._process.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:
            return 0.0
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")  # man 5 proc: utime, stime


def _serve(begin: Callable[[Path], Work], folder: Path, connection: Connection) -> None:
    base = _status("VmRSS")
    work = begin(folder)
    connection.send(base)
    while True:
        number = connection.recv()
        Path("/proc/self/clear_refs").write_text("5")  # man 5 proc: the peak begins anew
        peak, seconds, started = base, 0.0, time.process_time()
        try:
            result = work.read(number)
            peak, seconds = _status("VmHWM"), time.process_time() - started
            outcome, reason = work.judge(number, result)
        except BaseException as error:  # an interrupt that a file raises would be a fault too
            outcome, reason = FAULT, f"{type(error).__module__}.{type(error).__name__}: {str(error)[:200]}"
        connection.send((outcome, reason, seconds, peak - base))


def _status(name: str, process: int | str | None = "self") -> float:
    """Megabytes that a process has, or had at its peak."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(name)).split()[1]) / 1024
