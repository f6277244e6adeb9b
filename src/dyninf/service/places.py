"""Places in a queue, each with the file of an upload: there are only so many of both."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from tempfile import NamedTemporaryFile

from dyninf.service.refusal import Refusal

logger = logging.getLogger(__name__)


class Place:
    """One of the places in the queue, with the file of its upload; both are given back once, by `close`."""

    def __init__(self, file: Path, release: Callable[[], None]) -> None:
        self.file = file
        self._release = release
        self._lock = threading.Lock()
        self._closed = False

    def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
        try:
            self.file.unlink(missing_ok=True)
        except OSError:
            logger.exception("an upload's file could not be removed")
        finally:
            self._release()


class Places:
    """So many places, whose files lie in a folder.

    taken: how many are.
    """

    def __init__(self, number: int, folder: Path) -> None:
        self.taken = 0
        self._number, self._folder = number, folder
        self._lock = threading.Lock()

    def take(self) -> Place:
        """A place with an empty file, before the body is read: what comes cannot fill the disk.

        Raises Refusal (429) where none is free.
        """
        with self._lock:
            if self.taken >= self._number:
                raise Refusal(429, f"{self._number} videos wait already; come again later")
            self.taken += 1
        try:
            with NamedTemporaryFile(dir=self._folder, prefix="upload-", delete=False) as file:
                return Place(Path(file.name), self._give_back)
        except BaseException:
            self._give_back()
            raise

    def _give_back(self) -> None:
        with self._lock:
            self.taken -= 1
