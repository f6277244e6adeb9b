"""Reading videos in processes of their own, so that a file can end, hang or fill no more than one of them.

T frames asked for, H and W pixels, C = 3 colours in the order red, green, blue.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

import numpy as np

from dyninf.data.container import DEFAULT_LIMITS
from dyninf.data.decoder_asking import Asking, value_of
from dyninf.data.decoder_keeper import DecoderKeeper
from dyninf.data.decoder_wire import Message
from dyninf.data.frame_source import Decoder, FrameSource, frame_source
from dyninf.data.limits import Limits
from dyninf.data.measured import Measured, measure
from dyninf.data.video_error import VideoError

Result = TypeVar("Result")

COLOURS = 3


class Apart:
    """Decoder processes, one for each thread that reads videos; to be used as a context.

    A process that crashes, or is killed, is replaced, and what it was asked is asked once more: it may have
    been another video's fault. Where that fails too, or it hangs, the video has a VideoError. Videos that
    were open besides are opened again, and their frames are the same.

    Args:
        decoder: what reads files.
        limits: of videos.
        timeout: seconds for what is asked at a time: to open a video, to count its frames, or to decode those
            of a group. None for any.
        memory_mb: that a process may allocate, in 2^20 bytes; None for any.
    """

    def __init__(
        self,
        decoder: Decoder = "pyav",
        limits: Limits = DEFAULT_LIMITS,
        timeout: float | None = 60,
        memory_mb: float | None = 4096,
    ) -> None:
        self.decoder: Decoder = decoder
        self.limits = limits
        self._timeout, self._memory_mb = timeout, memory_mb
        self._lock = threading.Lock()
        self._keepers: list[tuple[threading.Thread, DecoderKeeper]] = []
        self._numbers = itertools.count()

    def __enter__(self) -> Apart:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[type[Apart], tuple[Any, ...]]:
        # Elsewhere it has processes of its own.
        return type(self), (self.decoder, self.limits, self._timeout, self._memory_mb)

    def close(self) -> None:
        """End all processes."""
        with self._lock:
            keepers, self._keepers = self._keepers, []
        for _, keeper in keepers:
            keeper.close()

    def source(self, path: Path) -> ApartVideo:
        """Where the frames of a video come from; opens nothing."""
        return ApartVideo(path, self)

    def measure(self, path: Path, limits: Limits | None = None) -> Measured:
        """As `measured.measure`."""
        request = {"do": "measure", "path": str(path), "limits": asdict(limits or self.limits)}
        answer, _ = Asking(path, self.keeper()).ask(lambda: request)
        return Measured(**answer)

    @property
    def pids(self) -> list[int]:
        """Of the processes that run."""
        with self._lock:
            return [keeper.pid for _, keeper in self._keepers if keeper.pid is not None]

    def keeper(self) -> DecoderKeeper:
        """That of the thread which asks; those of threads that have ended are used again."""
        me = threading.current_thread()
        with self._lock:
            for thread, keeper in self._keepers:
                if thread is me:
                    return keeper
            for place, (thread, keeper) in enumerate(self._keepers):
                if not thread.is_alive():
                    self._keepers[place] = me, keeper
                    return keeper
            keeper = DecoderKeeper(self._timeout, self._memory_mb)
            self._keepers.append((me, keeper))
            return keeper

    def next_number(self) -> int:
        """Of a video or a walk through one, for the process that reads it."""
        return next(self._numbers)


class Here:
    """Reading videos in this process, with the face of `Apart`; a file can take all down."""

    def __init__(self, decoder: Decoder = "pyav", limits: Limits = DEFAULT_LIMITS) -> None:
        self.decoder: Decoder = decoder
        self.limits = limits

    def __enter__(self) -> Here:
        return self

    def __exit__(self, *error: object) -> None:
        """Nothing is open."""

    def source(self, path: Path) -> FrameSource:
        """Where the frames of a video come from; opens nothing."""
        return frame_source(path, self.decoder, self.limits)

    def measure(self, path: Path, limits: Limits | None = None) -> Measured:
        """As `measured.measure`."""
        return measure(path, limits or self.limits)


class ApartVideo:
    """A video as a `FrameSource`; the thread that opens it says which process reads it."""

    def __init__(self, path: Path, apart: Apart) -> None:
        self.path = path
        self._apart = apart

    @contextmanager
    def open(self) -> Iterator[ApartReader]:
        reader = ApartReader(self.path, self._apart)
        try:
            yield reader
        finally:
            reader.close()

    def size(self) -> str:
        return frame_source(self.path).size()


class ApartReader:
    """An open video, as a `FrameReader`; all of it may raise VideoError."""

    def __init__(self, path: Path, apart: Apart) -> None:
        self.path = path
        self._apart = apart
        self._video = apart.next_number()
        self._asking = Asking(path, apart.keeper(), self._open)
        self._walks: set[int] = set()  # that the process knows
        self._asking.open()

    def close(self) -> None:
        """Let go of the file."""
        self._asking.tell({"do": "close", "video": self._video})

    def count(self) -> int:
        return self._number(self._asking.ask(lambda: {"do": "count", "video": self._video})[0], int)

    def rate(self) -> float | None:
        rate, _ = self._asking.ask(lambda: {"do": "rate", "video": self._video})
        return None if rate is None else self._number(rate, float)

    def read(self, indices: Sequence[int]) -> np.ndarray:
        return next(self.groups([indices]))

    def groups(self, groups: Sequence[Sequence[int]]) -> Iterator[np.ndarray]:
        walk, left = self._apart.next_number(), [list(indices) for indices in groups]

        def following() -> Message:
            request = {"do": "next", "video": self._video, "walk": walk}
            if walk in self._walks:
                return request
            self._walks.add(walk)
            return request | {"groups": left}  # a process that is new goes on with what is left

        try:
            while left:
                _, frames_THWC = self._asking.ask(following, self._most_bytes(left[0]))
                if frames_THWC is None or len(frames_THWC) != len(left[0]):
                    raise VideoError(self.path, "the process that read it gave other frames")
                del left[0]
                yield frames_THWC
        finally:
            self._asking.tell({"do": "leave", "video": self._video, "walk": walk})

    def _open(self, keeper: DecoderKeeper) -> None:
        """Have a process that does not know the video open it."""
        limits = asdict(self._apart.limits)
        request = {"do": "open", "video": self._video, "path": str(self.path), "limits": limits}
        self._walks = set()
        value_of(self.path, *keeper.ask(request | {"decoder": self._apart.decoder}))

    def _most_bytes(self, indices: Sequence[int]) -> int | None:
        pixels = self._apart.limits.pixels
        return None if pixels is None else len(indices) * pixels * COLOURS

    def _number(self, value: Any, kind: Callable[[Any], Result]) -> Result:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise VideoError(self.path, "the process that read it gave no number")
        return kind(value)
