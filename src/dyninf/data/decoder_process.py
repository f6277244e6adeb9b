"""``python -m dyninf.data.decoder_process``: a process that reads videos for the one that started it.

It opens what it is asked to, and answers with numbers and frames (`decoder_wire`) until whoever started it
closes the line or ends. It imports no torch unless torchcodec reads the files.
"""

from __future__ import annotations

import fcntl
import gc
import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from dyninf.data.decoder_wire import Message, receive, send
from dyninf.data.frame_source import FrameReader, frame_source
from dyninf.data.limits import MEBI, Limits
from dyninf.data.measured import measure
from dyninf.data.video_error import VideoError, VideoLimitError

Answer = tuple[Any, np.ndarray | None]


def main(link: int, lifeline: int, memory_mb: float) -> None:
    """Answer until the end. link, lifeline: descriptors. memory_mb: 0 for any."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for whoever started it
    _end_with(lifeline)
    if memory_mb:
        _keep_to(memory_mb)
    with socket.socket(fileno=link) as connection, suppress(EOFError, ConnectionError), _Videos() as videos:
        send(connection, {"number": 0})  # it is there: starting does not count as time of a video
        while True:
            request, _ = receive(connection)
            if "number" not in request:  # nobody waits for an answer
                videos.answer(request)
                continue
            try:
                value, frames_THWC = videos.answer(request)
                send(connection, {"number": request["number"], "value": value}, frames_THWC)
            except ConnectionError:
                raise
            except BaseException as error:
                send(connection, {"number": request["number"], "error": _reason(error)})


class _Videos:
    """The videos that are open, by the numbers that the keeper gave them."""

    def __init__(self) -> None:
        self._files: dict[int, ExitStack] = {}
        self._readers: dict[int, FrameReader] = {}
        self._walks: dict[tuple[int, int], Iterator[np.ndarray]] = {}

    def __enter__(self) -> _Videos:
        return self

    def __exit__(self, *error: object) -> None:
        for video in list(self._files):
            self._close({"video": video})

    def answer(self, request: Message) -> Answer:
        does: dict[str, Callable[[Message], Answer]] = {
            "open": self._open,
            "count": lambda asked: (self._readers[asked["video"]].count(), None),
            "rate": lambda asked: (self._readers[asked["video"]].rate(), None),
            "next": self._next,
            "leave": self._leave,
            "close": self._close,
            "measure": _measure,
        }
        return does[request["do"]](request)

    def _open(self, asked: Message) -> Answer:
        source = frame_source(Path(asked["path"]), asked["decoder"], Limits(**asked["limits"]))
        with ExitStack() as files:
            self._readers[asked["video"]] = files.enter_context(source.open())
            self._files[asked["video"]] = files.pop_all()
        return None, None

    def _next(self, asked: Message) -> Answer:
        place = asked["video"], asked["walk"]
        if "groups" in asked:
            self._walks[place] = iter(self._readers[asked["video"]].groups(asked["groups"]))
        return None, next(self._walks[place])

    def _leave(self, asked: Message) -> Answer:
        self._walks.pop((asked["video"], asked["walk"]), None)
        return None, None

    def _close(self, asked: Message) -> Answer:
        video = asked["video"]
        self._walks = {place: walk for place, walk in self._walks.items() if place[0] != video}
        self._readers.pop(video, None)
        if (files := self._files.pop(video, None)) is not None:
            files.close()
        return None, None


def _measure(asked: Message) -> Answer:
    return asdict(measure(Path(asked["path"]), Limits(**asked["limits"]))), None


def _reason(error: BaseException) -> Message:
    """What went wrong, for the other side."""
    if isinstance(error, MemoryError):
        gc.collect()
        return {"kind": "memory", "reason": ""}
    if isinstance(error, VideoLimitError):
        return {"kind": "limit", "reason": error.reason}
    if isinstance(error, VideoError):
        return {"kind": "video", "reason": error.reason}
    if isinstance(error, OSError):
        return {"kind": "video", "reason": error.strerror or str(error)}
    if isinstance(error, ValueError):
        return {"kind": "value", "reason": str(error)}
    return {"kind": "video", "reason": f"{type(error).__name__}: {error}"}


def _end_with(lifeline: int) -> None:
    """End when the other end of this pipe is closed, be it by a kill, whatever this process is doing then.

    The system sends SIGIO, which ends a process that has not asked for anything else, also inside a decoder.
    """
    fcntl.fcntl(lifeline, fcntl.F_SETOWN, os.getpid())
    fcntl.fcntl(lifeline, fcntl.F_SETFL, fcntl.fcntl(lifeline, fcntl.F_GETFL) | os.O_ASYNC | os.O_NONBLOCK)
    with suppress(BlockingIOError):
        if os.read(lifeline, 1) == b"":
            sys.exit()  # it was closed before


def _keep_to(memory_mb: float) -> None:
    """Let what allocates more than this fail."""
    most = int(memory_mb * MEBI)
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard != resource.RLIM_INFINITY:
        most = min(most, hard)
    resource.setrlimit(resource.RLIMIT_DATA, (most, most))


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3]))
