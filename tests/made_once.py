"""Folders that are dear to make: the first worker of a run of the tests that needs one makes it for all."""

import fcntl
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True)
class MadeOnce:
    """Makes folders below `base`, which all workers have in common. Read only: the tests share them."""

    base: Path

    def __call__(self, name: str, make: Callable[[Path], object]) -> Path:
        """The folder of that name, filled by `make`; another worker that wants it meanwhile waits."""
        folder, lock = self.base / name, self.base / f".{name}.lock"
        with lock.open("a+") as file:
            fcntl.flock(file, fcntl.LOCK_EX)  # the system lets it go when a worker ends, however it does
            if lock.stat().st_size == 0:
                shutil.rmtree(folder, ignore_errors=True)  # what a worker that failed has left
                folder.mkdir()
                make(folder)
                file.write("made")
        return folder


def common_base(factory: pytest.TempPathFactory) -> Path:
    """The temporary folder of this run of the tests, of all its workers."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
