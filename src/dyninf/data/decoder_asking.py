"""Asking a decoder process about one video, and another process where the first is lost."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dyninf.data.decoder_keeper import DecoderKeeper, DecoderLost
from dyninf.data.decoder_wire import Message
from dyninf.data.video_error import ReaderLostError, VideoError, VideoLimitError


class Asking:
    """Asks a process about one video, and another one where that is lost.

    opens: has a new process open the video.
    """

    def __init__(
        self, path: Path, keeper: DecoderKeeper, opens: Callable[[DecoderKeeper], None] | None = None
    ) -> None:
        self._path, self._keeper, self._opens = path, keeper, opens
        self._generation = 0

    def open(self) -> None:
        """Have the process open the video, if it has not."""
        self.ask(None)

    def ask(
        self, request: Callable[[], Message] | None, most_bytes: int | None = None
    ) -> tuple[Any, np.ndarray | None]:
        """What the process says, and the frames that it gives, which may not have more bytes.

        request: made when the video is open; None only opens it.

        Raises VideoError, ReaderLostError among them, or ValueError for what makes no sense with any video.
        """
        with self._keeper.lock:
            try:
                return self._once(request, most_bytes)
            except DecoderLost as lost:
                if lost.hung:
                    raise ReaderLostError(self._path, lost.reason) from None
            try:
                return self._once(request, most_bytes)
            except DecoderLost as lost:
                raise ReaderLostError(self._path, lost.reason) from None

    def tell(self, request: Message) -> None:
        """Say something to the process that knows the video, if it still runs."""
        with self._keeper.lock:
            if self._keeper.generation == self._generation:
                self._keeper.tell(request)

    def _once(
        self, request: Callable[[], Message] | None, most_bytes: int | None
    ) -> tuple[Any, np.ndarray | None]:
        keeper = self._keeper
        keeper.start()
        try:
            if self._opens is not None and self._generation != keeper.generation:
                self._opens(keeper)
            self._generation = keeper.generation
            if request is None:
                return None, None
            return value_of(self._path, *keeper.ask(request(), most_bytes))
        except MemoryError as error:
            # The others that are open take some of it: it is tried alone.
            keeper.close()
            raise DecoderLost(str(error)) from None


def value_of(path: Path, answer: Message, frames_THWC: np.ndarray | None) -> tuple[Any, np.ndarray | None]:
    """What an answer says. Raises the error that it tells of."""
    error = answer.get("error")
    if error is None:
        return answer.get("value"), frames_THWC
    kind, reason = (
        (str(error.get(key)) for key in ("kind", "reason")) if isinstance(error, dict) else ("", "")
    )
    if kind == "memory":
        raise MemoryError("takes more memory to read than decoder_memory_mb lets it")
    if kind == "value":
        raise ValueError(reason)
    raise (VideoLimitError if kind == "limit" else VideoError)(path, reason)
