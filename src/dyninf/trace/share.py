"""Which process records which shards, without a word between the processes but their files."""

import fcntl
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import torch

_SAID_IN = (("RANK", "WORLD_SIZE", "LOCAL_RANK"), ("SLURM_PROCID", "SLURM_NTASKS", "SLURM_LOCALID"))


@dataclass(frozen=True)
class Share:
    """Process number `process`, from 0, of `processes` that record the same; 0 of 1 when left out.

    local: its number on its machine, by which it takes a GPU.

    Each begins at a place of its own and goes round: what another one has not taken is anybody's. So a lost
    process is no loss, and a slow one is helped.
    """

    process: int = 0
    processes: int = 1
    local: int = 0

    @classmethod
    def of_environment(cls) -> "Share":
        """As torchrun or srun says it; the only one where neither does."""
        for names in _SAID_IN:
            said = [os.environ.get(name, "") for name in names]
            if all(number.isdigit() for number in said):
                return cls(*map(int, said))
        return cls()

    def device(self, name: str) -> str:
        """``cuda:N`` in place of ``cuda`` for one of several processes of a machine."""
        if name != "cuda" or self.processes == 1:
            return name
        return f"cuda:{self.local % torch.cuda.device_count()}"

    @property
    def is_first(self) -> bool:
        """The one that merges and reports."""
        return self.process == 0

    def order(self, shards: int) -> Iterator[int]:
        """All shards, from the first of this process's own block on."""
        begin = self.process * shards // self.processes
        yield from range(begin, shards)
        yield from range(begin)


class Claims:
    """Which shards processes are recording; a process that ends, however it does, has none any more.

    A lock on the byte of a shard in one file. Where a file system knows no locks, everything is granted: two
    processes may then record the same shard, which costs time, and gives the same file twice.
    """

    def __init__(self, path: Path) -> None:
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def take(self, shard: int) -> bool:
        """Claim a shard; False if another process has it."""
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, shard)
        except (BlockingIOError, PermissionError):
            return False
        except OSError:
            return True
        return True

    def give_back(self, shard: int) -> None:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, shard)
        except OSError:
            return
