"""What a decoder process and its keeper say to each other over a socket: lines of JSON, and frames as bytes.

JSON and bytes alone: a process that a hostile file has taken over can answer with wrong pictures, and with
nothing that its keeper would run.
"""

from __future__ import annotations

import json
import math
import socket
import time
from typing import Any

import numpy as np

Message = dict[str, Any]

LONGEST = 64 * 2**20
"""Bytes of a line of JSON."""


def send(link: socket.socket, message: Message, frames_THWC: np.ndarray | None = None) -> None:
    """Send a message and, where there are any, the frames that belong to it."""
    if frames_THWC is not None:
        message = message | {"shape": list(frames_THWC.shape)}
    text = json.dumps(message).encode()
    link.sendall(len(text).to_bytes(4, "big") + text)
    if frames_THWC is not None:
        link.sendall(np.ascontiguousarray(frames_THWC).data.cast("B"))


def receive(
    link: socket.socket, most_bytes: int | None = None, deadline: float | None = None
) -> tuple[Message, np.ndarray | None]:
    """The next message, and its frames, uint8 THWC.

    most_bytes: of the frames, as far as that is known. deadline: of `time.monotonic`.

    Raises EOFError at the end, TimeoutError behind the deadline, ValueError for what is no message.
    """
    head = bytearray(4)
    _fill(head, link, deadline)
    size = int.from_bytes(head, "big")
    if size > LONGEST:
        raise ValueError(f"a message of {size} bytes")
    text = bytearray(size)
    _fill(text, link, deadline)
    message = json.loads(text)
    if not isinstance(message, dict):
        raise ValueError("a message that is no object")
    if "shape" not in message:
        return message, None
    shape = message["shape"]
    if not isinstance(shape, list) or len(shape) != 4 or not all(type(n) is int and n > 0 for n in shape):
        raise ValueError(f"frames of shape {shape!r}")
    if shape[3] != 3 or (most_bytes is not None and math.prod(shape) > most_bytes):
        raise ValueError(f"frames of shape {shape!r}")
    frames_THWC = np.empty(shape, np.uint8)
    _fill(frames_THWC.data.cast("B"), link, deadline)
    return message, frames_THWC


def _fill(buffer: bytearray | memoryview, link: socket.socket, deadline: float | None) -> None:
    rest = memoryview(buffer)
    while len(rest):
        if deadline is not None:
            # A socket that does not wait at all says so with another error.
            link.settimeout(max(deadline - time.monotonic(), 1e-6))
        count = link.recv_into(rest)
        if count == 0:
            raise EOFError
        rest = rest[count:]
