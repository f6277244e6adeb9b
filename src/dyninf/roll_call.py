"""Connections of the processes of a training to the first one, by which each learns that another is gone.

A killed process closes its connections, and a machine that is gone stops answering the kernel's probes;
neither depends on what the processes are busy with. Nothing but ranks, names and codes goes through a
connection, and who does not know the secret of the training is not let in.
"""

from __future__ import annotations

import json
import os
import secrets
import selectors
import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass

CONNECT_SECONDS = 30
"""Within which all processes have to be there; they have just exchanged a first message by other means."""
HELLO_SECONDS = 5
"""For who connects to say who it is."""
PATIENCE_SECONDS = 10
"""With the last words of a process that ends."""
PROBES = {"TCP_KEEPIDLE": 5, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 3, "TCP_USER_TIMEOUT": 20_000}
"""A connection whose other side's machine does not answer is closed after about 20 s."""
LONGEST_NAME = 1000  # bytes

LEFT, FAILED, TELL, END = b"L", b"F", b"T", b"E"
"""A process has done its part; it failed and would say why; it may; another one says why. A code follows."""


@dataclass(frozen=True)
class Member:
    """One process of a training."""

    rank: int
    pid: int
    host: str

    @classmethod
    def me(cls, rank: int) -> Member:
        return cls(rank, os.getpid(), socket.gethostname())


@dataclass(frozen=True)
class Place:
    """Where the first process is to be found, by whom."""

    first: Member
    address: str
    port: int
    secret: str


Lost = Callable[[Member], None]
"""Called, in a thread, with a process that is gone without a word."""
Ended = Callable[[int], None]
"""Called, in a thread, with the exit code when this process is to end: what there is to say has been said."""


class FirstProcess:
    """The first process's side: it hears of the others, and decides which one says what went wrong.

    Args:
        address: by which the others reach this machine; a loopback address is listened on alone.
        size: processes of the training.
    """

    def __init__(self, address: str, size: int, lost: Lost, ended: Ended) -> None:
        self.size, self._lost, self._ended = size, lost, ended
        at_home = address == "localhost" or address.startswith("127.")
        self._server = socket.create_server(("127.0.0.1" if at_home else "", 0), backlog=size)
        self.place = Place(Member.me(0), address, self._server.getsockname()[1], secrets.token_hex(16))
        self._members: dict[int, Member] = {}
        self._connections: dict[int, socket.socket] = {}
        self._over = threading.Lock()  # taken for good by the process that says what went wrong
        self._code = 0
        self._thread = threading.Thread(target=self._listen, name="roll-call", daemon=True)

    def wait_for_all(self) -> None:
        """Let the others in, then listen to them; TimeoutError names those that did not come."""
        deadline = time.monotonic() + CONNECT_SECONDS
        while len(self._members) < self.size - 1:
            self._server.settimeout(max(deadline - time.monotonic(), 0.001))
            try:
                connection, _ = self._server.accept()
                self._let_in(connection, deadline)
            except TimeoutError:
                missing = [str(rank) for rank in range(1, self.size) if rank not in self._members]
                raise TimeoutError(
                    f"process {', '.join(missing)} of {self.size} did not connect to {self.place.address}:"
                    f"{self.place.port} within {CONNECT_SECONDS} s; is the port open between the machines?"
                ) from None
        self._server.close()
        self._thread.start()

    def may_tell(self, code: int) -> bool:
        """Whether this process may say why the training ends; the others then end without a word."""
        if not self._over.acquire(blocking=False):
            return False
        self._send_all(END, code)
        self._thread.join(PATIENCE_SECONDS)  # until all have ended
        return True

    def leave(self) -> None:
        """Tell the others that this process has done its part."""
        self._send_all(LEFT, 0)

    def _let_in(self, connection: socket.socket, deadline: float) -> None:
        connection.settimeout(max(min(deadline - time.monotonic(), HELLO_SECONDS), 0.001))
        try:
            said = json.loads(_line(connection))
            if not secrets.compare_digest(str(said.pop("secret")), self.place.secret):
                raise ValueError("another training's")
            member = Member(**said)
        except (OSError, ValueError, TypeError, KeyError, AttributeError):  # not one of ours
            connection.close()
            return
        _keep_probing(connection)
        connection.settimeout(PATIENCE_SECONDS)
        self._members[member.rank], self._connections[member.rank] = member, connection

    def _listen(self) -> None:
        with selectors.DefaultSelector() as selector:
            for rank, connection in self._connections.items():
                selector.register(connection, selectors.EVENT_READ, rank)
            left: set[int] = set()
            deadline: float | None = None
            while selector.get_map() and (deadline is None or time.monotonic() < deadline):
                for key, _ in selector.select(None if deadline is None else deadline - time.monotonic()):
                    rank, word = key.data, _word(self._connections[key.data])
                    if word is None:
                        selector.unregister(key.fileobj)
                        if rank not in left and self._over.acquire(blocking=False):
                            self._code = 2
                            self._lost(self._members[rank])
                            self._send_all(END, 2)
                            deadline = time.monotonic() + PATIENCE_SECONDS
                    elif word[0] == LEFT:
                        left.add(rank)
                    elif word[0] == FAILED and self._over.acquire(blocking=False):
                        self._code = word[1]
                        _send(self._connections[rank], TELL, 0)
                        self._send_all(END, word[1], but=rank)
                        deadline = time.monotonic() + PATIENCE_SECONDS
                    elif word[0] == FAILED:
                        _send(self._connections[rank], END, self._code)
            if deadline is not None:  # all have ended, or do not
                self._ended(self._code)

    def _send_all(self, kind: bytes, code: int, but: int | None = None) -> None:
        for rank, connection in self._connections.items():
            if rank != but:
                _send(connection, kind, code)


class OtherProcess:
    """The side of every other process: it hears of the first one, and asks it whether it may say why it ends.

    Raises OSError if the first process cannot be reached.
    """

    def __init__(self, place: Place, rank: int, lost: Lost, ended: Ended) -> None:
        self._first, self._lost, self._ended = place.first, lost, ended
        try:
            self._connection = socket.create_connection((place.address, place.port), CONNECT_SECONDS)
        except OSError as error:
            raise OSError(
                f"process {rank} cannot reach process 0 at {place.address}:{place.port} ({error}); is the "
                "port open between the machines?"
            ) from error
        _keep_probing(self._connection)
        hello = asdict(Member.me(rank)) | {"secret": place.secret}
        self._connection.sendall(json.dumps(hello).encode() + b"\n")
        self._connection.settimeout(None)
        self._may_tell = threading.Event()
        threading.Thread(target=self._listen, name="roll-call", daemon=True).start()

    def may_tell(self, code: int) -> bool:
        """Whether this process may say why the training ends; if not, the listening thread ends it."""
        _send(self._connection, FAILED, code)
        return self._may_tell.wait(PATIENCE_SECONDS)

    def leave(self) -> None:
        """Tell the first process that this one has done its part."""
        _send(self._connection, LEFT, 0)

    def _listen(self) -> None:
        while True:
            word = _word(self._connection)
            if word is None:
                self._lost(self._first)
                self._ended(2)
                return
            kind, code = word
            if kind == END:
                self._ended(code)
                return
            self._may_tell.set()  # it was allowed to, or nobody is left to ask
            if kind == LEFT:
                return


def _keep_probing(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for name, value in PROBES.items():
        if hasattr(socket, name):  # not on every system
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


def _line(connection: socket.socket) -> bytes:
    found = b""
    while not found.endswith(b"\n") and len(found) < LONGEST_NAME:
        byte = connection.recv(1)
        if not byte:
            break
        found += byte
    return found


def _word(connection: socket.socket) -> tuple[bytes, int] | None:
    """A kind and an exit code; None at the end of the connection, however it ended."""
    word = b""
    with suppress(OSError):
        while len(word) < 2 and (more := connection.recv(2 - len(word))):
            word += more
    return (word[:1], word[1]) if len(word) == 2 else None


def _send(connection: socket.socket, kind: bytes, code: int) -> None:
    with suppress(OSError):  # that it is gone, the listening thread finds
        connection.sendall(kind + bytes([code]))
