"""Running a command that is killed at chosen moments, and started again until it is done.

SIGKILL goes to the command and to every process that it started: none can clean up, save or say anything.
"""

import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Moment = Callable[[float], bool]
"""Whether to kill now; asked again and again with the seconds since the command was started."""

_POLL = 0.005  # seconds from one question to the next
_GONE = 10  # seconds for the killed processes to leave their group


@dataclass(frozen=True)
class Life:
    """A start of the command. code: it ended with; None if it was killed."""

    seconds: float
    code: int | None

    @property
    def killed(self) -> bool:
        return self.code is None


def after(seconds: float) -> Moment:
    """So many seconds after the start."""
    return lambda lived: lived >= seconds


def when(condition: Callable[[], bool]) -> Moment:
    """As soon as something is so, such as that a file is there."""
    return lambda lived: condition()


def drawn(generator: random.Random, count: int, seconds: float) -> list[Moment]:
    """Each at any time of a life of so many `seconds`, with the same chance."""
    return [after(generator.uniform(0, seconds)) for _ in range(count)]


def run_with_kills(
    command: Sequence[str],
    moments: Sequence[Moment],
    log: Path,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    limit: float = 600,
) -> list[Life]:
    """Start the same command until it ends by itself, and kill its n-th life at the n-th moment.

    Args:
        command: the words of it. It is to go on where it was killed.
        moments: one for each life that is killed; a life that ends before its moment is the last one.
        log: takes its output, life after life.
        folder: it runs in.
        environment: beside the present one.
        limit: of a life in seconds.

    Raises:
        subprocess.CalledProcessError: it ended with another code than 0; with the end of the log.
        TimeoutError: a life lasted longer than the limit.
    """
    lives: list[Life] = []
    while not lives or lives[-1].killed:
        moment = moments[len(lives)] if len(lives) < len(moments) else None
        lives.append(_live(command, moment, log, folder, environment or {}, limit))
    if code := lives[-1].code:
        raise subprocess.CalledProcessError(code, command, stderr="\n".join(tail(log)))
    return lives


def tail(log: Path, lines: int = 20) -> list[str]:
    """The last lines of a log."""
    return log.read_text(errors="replace").splitlines()[-lines:]


def _live(
    command: Sequence[str],
    moment: Moment | None,
    log: Path,
    folder: Path | None,
    environment: Mapping[str, str],
    limit: float,
) -> Life:
    with log.open("a") as output:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=os.environ | dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,  # a group of its own, with all that it starts
        )
    start = time.monotonic()
    try:
        while process.poll() is None:
            lived = time.monotonic() - start
            if moment is not None and moment(lived):
                return Life(lived, _kill(process))
            if lived > limit:
                raise TimeoutError(f"{' '.join(command)} took more than {limit} s; {log} has its output")
            time.sleep(_POLL)
    finally:
        if process.returncode is None:
            _kill(process)
    return Life(time.monotonic() - start, process.returncode)


def _kill(process: subprocess.Popen[bytes]) -> int | None:
    """Kill the group and wait until it is gone; the code where the command had ended by itself before."""
    os.killpg(process.pid, signal.SIGKILL)
    code = process.wait()
    deadline = time.monotonic() + _GONE
    while _is_there(process.pid) and time.monotonic() < deadline:
        time.sleep(_POLL)
    return None if code == -signal.SIGKILL else code


def _is_there(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except (ProcessLookupError, PermissionError):
        return False
    return True
