"""Work that no child survives, in a module of its own: a child that is started anew imports it."""

import os
import signal
import time
from pathlib import Path


class Evil:
    """Work that ends its process, hangs, fills the memory or raises, by the number of the case."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, number: int) -> object:
        if number == 1:
            os.kill(os.getpid(), signal.SIGSEGV)
        if number == 2:
            time.sleep(3600)
        if number == 3:
            return b"\1" * 2**28
        if number == 4:
            raise MemoryError("no more")
        return None

    def judge(self, number: int, result: object) -> tuple[str, str]:
        return "read", ""
