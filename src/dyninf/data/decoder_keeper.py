"""A decoder process as its user sees it: it is started when it is needed, and again when it was lost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress

import numpy as np

from dyninf.data.decoder_wire import Message, receive, send

MODULE = "dyninf.data.decoder_process"

STARTS_WITHIN = 120.0
"""Seconds, on a machine that has much else to do."""

ENDS_WITHIN = 5.0
"""Seconds that a killed process is waited for, which may not end while it waits for a disk."""


class DecoderLost(Exception):
    """The process came to no answer, and is no more. hung: it was ended, otherwise it crashed."""

    def __init__(self, reason: str, hung: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hung = hung


class DecoderKeeper:
    """Keeps one process, which answers one request at a time.

    timeout: seconds for an answer; a process that takes longer is ended. None: any time.
    memory_mb: that the process may allocate, in 2^20 bytes; None: any.

    Attributes:
        lock: to be held around requests that belong together; may be taken again by the thread that holds it.
        generation: number of the process that runs, from 1; what it was told before is lost with it. 0: none.
    """

    def __init__(self, timeout: float | None, memory_mb: float | None) -> None:
        self.lock = threading.RLock()
        self.generation = 0
        self._started = 0
        self._timeout, self._memory_mb = timeout, memory_mb
        self._process: subprocess.Popen[bytes] | None = None
        self._link: socket.socket | None = None
        self._lifeline = -1
        self._asked = 0

    @property
    def pid(self) -> int | None:
        """Of the process, where one runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        """Start a process, if none runs.

        Raises DecoderLost where it was killed before it was there, RuntimeError where none can be started.
        """
        if self.generation:
            return
        ours, theirs = socket.socketpair()
        their_end, our_end = os.pipe()
        with theirs:
            descriptors = theirs.fileno(), their_end
            command = [sys.executable, "-P", "-m", MODULE, *map(str, (*descriptors, self._memory_mb or 0))]
            self._process = subprocess.Popen(
                command,
                env=_environment(),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=descriptors,
                start_new_session=True,  # Ctrl-C is for this process
            )
        os.close(their_end)
        self._link, self._lifeline = ours, our_end
        self._started += 1
        self.generation = self._started
        try:
            receive(ours, deadline=time.monotonic() + STARTS_WITHIN)
        except (EOFError, OSError, ValueError) as error:
            how = self._ended(waits=ENDS_WITHIN)
            if how.startswith("SIG"):
                raise DecoderLost(f"the process that was to read it was ended ({how})") from None
            raise RuntimeError(f"a process that was to read videos did not start ({how})") from error

    def ask(self, request: Message, most_bytes: int | None = None) -> tuple[Message, np.ndarray | None]:
        """The answer of the process that runs, with its frames, which may not have more bytes.

        Raises DecoderLost where none comes. Whatever else ends the wait, such as Ctrl-C, ends the process as
        well, so that no later request is given this one's answer.
        """
        assert self._link is not None, "started before it is asked"
        self._asked += 1
        deadline = None if self._timeout is None else time.monotonic() + self._timeout
        try:
            self._link.settimeout(self._timeout)
            send(self._link, request | {"number": self._asked})
            answer, frames_THWC = receive(self._link, most_bytes, deadline)
            if answer.get("number") != self._asked:
                raise ValueError("an answer to something else")
            return answer, frames_THWC
        except TimeoutError:
            self._ended()
            raise DecoderLost(f"took more than {self._timeout:g} s to read", hung=True) from None
        except (EOFError, OSError, ValueError) as error:
            how = self._ended(waits=0.0 if isinstance(error, ValueError) else ENDS_WITHIN)
            raise DecoderLost(f"the process that read it crashed ({how})") from None
        except BaseException:
            self._ended()
            raise

    def tell(self, request: Message) -> None:
        """Say something that is not answered; in vain where the process is lost."""
        if self._link is None:
            return
        try:
            self._link.settimeout(self._timeout)
            send(self._link, request)
        except OSError:
            self._ended()

    def close(self) -> None:
        """End the process; another one is started where it is needed."""
        with self.lock:
            self._ended()

    def _ended(self, waits: float = 0.0) -> str:
        """End the process, if it has not ended; how it did. waits: seconds for it to end by itself."""
        process, link, lifeline = self._process, self._link, self._lifeline
        self._process, self._link, self._lifeline, self.generation = None, None, -1, 0
        if process is None or link is None:
            return ""
        code: int | None = None
        with suppress(subprocess.TimeoutExpired):
            code = process.wait(waits) if waits else process.poll()
        link.close()
        os.close(lifeline)
        if code is None:
            process.kill()
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(ENDS_WITHIN)
        return signal.Signals(-code).name if code is not None and code < 0 else f"exit code {code}"


def _environment() -> dict[str, str]:
    """Of the process: it finds the modules that this one does, and is one of several on the same cores."""
    path = os.pathsep.join(place for place in sys.path if place)
    return os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
