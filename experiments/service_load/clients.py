"""Clients of the service, well-behaved and others, each as its kind of upload goes."""

import contextlib
import json
import random
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

TIMEOUT = 120.0
PATIENCE = 90.0
"""Seconds for which a client that is told to come again does so."""

Address = tuple[str, int]


@dataclass(frozen=True)
class Outcome:
    """What a client saw.

    status: of the last response; None where it went away before one. waits: how often it was told to come
    again (429). seconds: of the last try, from its first byte to the response. error: of the connection.
    """

    kind: str
    video: int
    status: int | None
    waits: int
    seconds: float
    answer: dict[str, Any] | None
    error: str | None = None


@dataclass(frozen=True)
class Kind:
    """How uploads of a kind go, and the statuses that they may end with.

    pieces: what is sent, of a video. length: that is announced; the video's when left out. announces: or the
    size is not said.
    """

    pieces: Callable[[bytes], Iterator[bytes]]
    statuses: tuple[int | None, ...]
    length: int | None = None
    announces: bool = True
    goes_away: bool = False


def _at_once(content: bytes) -> Iterator[bytes]:
    yield content


def _slowly(content: bytes) -> Iterator[bytes]:
    """Twenty pieces over two seconds."""
    size = -(-len(content) // 20)
    for start in range(0, len(content), size):
        yield content[start : start + size]
        time.sleep(0.1)


def _half(content: bytes) -> Iterator[bytes]:
    yield content[: len(content) // 2]


def _noise(content: bytes) -> Iterator[bytes]:
    """Of a video, its first 40 bytes."""
    yield content[:40] + random.Random(len(content)).randbytes(len(content) - 40)


def _cut(content: bytes) -> Iterator[bytes]:
    """The pictures are overwritten; the index of the file is not."""
    start = content.index(b"mdat") + 4
    yield content[:start] + bytes(len(content) // 2) + content[start + len(content) // 2 :]


def _too_much(content: bytes) -> Iterator[bytes]:
    for _ in range(64):
        yield bytes(2**17)


MUCH = 64 * 2**17

KINDS = {
    "good": Kind(_at_once, (200,)),
    "slow": Kind(_slowly, (200,)),
    "stalled": Kind(_half, (408,)),
    "aborted": Kind(_half, (None,), goes_away=True),
    "not a video": Kind(_noise, (415, 422)),
    "damaged": Kind(_cut, (415, 422)),
    "oversized": Kind(_too_much, (413,), MUCH),
    "oversized, size not said": Kind(_too_much, (413,), announces=False),
}
"""What is sent is a video of one to a few dozen kilobytes, or made of one; "oversized" is 8 MB."""


def run_clients(
    address: Address, uploads: Sequence[tuple[str, int]], videos: Sequence[bytes]
) -> list[Outcome]:
    """All at once, a thread each. uploads: kinds with the number of their video."""

    def run(upload: tuple[str, int]) -> Outcome:
        return _client(address, upload[0], upload[1], videos[upload[1]])

    with ThreadPoolExecutor(len(uploads)) as pool:
        return list(pool.map(run, uploads))


def _client(address: Address, kind: str, video: int, content: bytes) -> Outcome:
    waits, end = 0, time.monotonic() + PATIENCE
    while True:
        begin = time.perf_counter()
        try:
            status, headers, body = _upload(address, KINDS[kind], content)
        except OSError as error:
            return Outcome(kind, video, None, waits, time.perf_counter() - begin, None, repr(error))
        seconds = time.perf_counter() - begin
        if status != 429 or time.monotonic() > end:
            answer = json.loads(body) if body else None
            return Outcome(kind, video, status, waits, seconds, answer)
        waits += 1
        time.sleep(float(headers["retry-after"]) * random.uniform(0.5, 1.5))


def _upload(address: Address, kind: Kind, content: bytes) -> tuple[int | None, dict[str, str], bytes]:
    """Status, headers and body; nothing for a client that goes away.

    Over a bare socket, since ready-made clients cannot be had to misbehave.
    """
    length = kind.length or len(content)
    how = f"Content-Length: {length}" if kind.announces else "Transfer-Encoding: chunked"
    lines = ("POST /v1/predict HTTP/1.1", f"Host: {address[0]}", "Content-Type: video/mp4", how)
    with socket.create_connection(address, TIMEOUT) as connection:
        with contextlib.suppress(ConnectionError):  # refused on the way; the response tells
            connection.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
            for piece in kind.pieces(content):
                framed = piece if kind.announces else b"%x\r\n%s\r\n" % (len(piece), piece)
                connection.sendall(framed)
            if not kind.announces:
                connection.sendall(b"0\r\n\r\n")
        if kind.goes_away:
            return None, {}, b""
        return _response(connection)


def _response(connection: socket.socket) -> tuple[int, dict[str, str], bytes]:
    with connection.makefile("rb") as file:
        first = file.readline().split()
        if len(first) < 2:
            raise ConnectionError("closed without a response")
        headers = {}
        while line := file.readline().strip():
            name, _, value = line.decode("latin-1").partition(":")
            headers[name.lower()] = value.strip()
        return int(first[1]), headers, file.read(int(headers.get("content-length", 0)))
