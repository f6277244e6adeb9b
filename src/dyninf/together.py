"""Processes of one training that begin and end together, whoever started them.

The first process checks the settings and draws the data; then the others begin, with the same folder. When
one is killed, fails or is interrupted, one of them says so in one line, and all end.
"""

from __future__ import annotations

import atexit
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict
from datetime import timedelta
from pathlib import Path
from types import TracebackType

from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.types import RunMode
from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities.exceptions import SIGTERMException
from torch.distributed import PrefixStore, Store, TCPStore

from dyninf.cli import is_for_the_user, names_folder
from dyninf.roll_call import PATIENCE_SECONDS, FirstProcess, Member, OtherProcess

PARENT = "DYNINF_PARENT"
"""Names the process that started this one, where `Together` did."""
INTERRUPTED, TERMINATED = 128 + signal.SIGINT, 128 + signal.SIGTERM
"""Exit codes as shells have them."""
NEWS_SECONDS = 5
"""Who waits for the gradients of a killed process may fail before it hears that that one is gone."""
FOLDER, NOWHERE = "folder", "-"
"""Under which torchrun's processes find the folder of the run, and that there is none."""
DATA_HOURS = 24
"""Within which the first process has to have made the data, where torchrun started all."""


class Together(Callback):
    """Keeps the processes of a training together: a callback of its trainer, and a block around its work.

    Args:
        command: such as ``dyninf.train``; it is what starts another process, and its name is in messages.
        folder: of the run, with its checkpoints.

    A training with one process is left alone but for Ctrl-C, which ends all in the same way.
    """

    def __init__(self, command: str, folder: Path) -> None:
        self.command, self.folder = command, folder
        self._rank, self._size = 0, 1
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._link: FirstProcess | OtherProcess | None = None
        self._exception: BaseException | None = None
        if PARENT in os.environ:
            self._rank, self._size = int(os.environ["LOCAL_RANK"]), int(os.environ["WORLD_SIZE"])
            threading.Thread(target=self._end_with_the_parent, daemon=True).start()

    def begin(self, trainer: Trainer) -> None:
        """In the first process, once everything is checked and made: let the others begin.

        Those that torchrun started wait in `wait_for_the_first`. Where nobody started any, this does: one for
        each device of the trainer, as Lightning would.

        Raises ValueError where the processes would not find the same folder, or each would run a whole sweep.
        """
        if trainer.world_size == 1:
            return
        environment = trainer.strategy.cluster_environment  # type: ignore[attr-defined]
        store, alone = _store_of_torchrun(), not environment.creates_processes_externally
        if HydraConfig.get().mode == RunMode.MULTIRUN:
            raise ValueError("a training with several processes does not go with -m: each would run all jobs")
        if store is None and (trainer.num_nodes > 1 if alone else PARENT not in os.environ):
            given = HydraConfig.get().overrides
            if not names_folder([*given.task, *given.hydra]):
                raise ValueError("processes that were started one by one need the same folder: output=DIR")
        if store is not None and trainer.is_global_zero:
            store.set(FOLDER, str(self.folder.resolve()))
        if alone:
            self._start_others(trainer)

    def setup(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        """Connect the processes, which exist by now and can exchange a first message."""
        if trainer.world_size == 1 or self._link is not None:
            return
        self._rank, self._size = trainer.global_rank, trainer.world_size
        if self._rank == 0:
            first = FirstProcess(os.environ["MASTER_ADDR"], self._size, self._say_lost, self._end)
            trainer.strategy.broadcast(first.place)
            first.wait_for_all()
            self._link = first
        else:
            place = trainer.strategy.broadcast(None)
            self._link = OtherProcess(place, self._rank, self._say_lost, self._end)  # type: ignore[arg-type]

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._exception = exception  # Lightning makes a SystemExit of Ctrl-C

    def __enter__(self) -> Together:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            if self._link is not None:
                self._link.leave()
            for child in self._children.values():
                child.wait()
            return
        cause = self._exception if isinstance(error, SystemExit) and self._exception else error
        code = code_of(cause)
        if self._link is not None:
            if code == 1:
                time.sleep(NEWS_SECONDS)
            if not self._link.may_tell(code):
                time.sleep(PATIENCE_SECONDS)  # another process tells, and this one is ended
        self._end_children(0 if self._link is None else PATIENCE_SECONDS)
        if code == INTERRUPTED and not cause.args:
            raise KeyboardInterrupt(self._how_to_go_on()) from error
        if code == TERMINATED:
            print(f"{self.command}: terminated; {self._how_to_go_on()}", file=sys.stderr)
        if code in (INTERRUPTED, TERMINATED):
            raise SystemExit(code) from error

    def _start_others(self, trainer: Trainer) -> None:
        environment = trainer.strategy.cluster_environment  # type: ignore[attr-defined]
        os.environ |= {
            "MASTER_ADDR": environment.main_address,
            "MASTER_PORT": str(environment.main_port),
            "NODE_RANK": str(environment.node_rank()),
            "WORLD_SIZE": str(trainer.world_size),
            "LOCAL_RANK": "0",  # by which Lightning knows that it has no processes to start
        }
        self._rank, self._size = trainer.global_rank, trainer.world_size
        words = [sys.executable, "-m", self.command, *sys.argv[1:], _override_of(self.folder)]
        parent = json.dumps(asdict(Member.me(trainer.global_rank)))
        for local_rank in range(1, trainer.num_devices):
            own = os.environ | {"LOCAL_RANK": str(local_rank), PARENT: parent}
            child = subprocess.Popen(words, env=own)
            self._children[trainer.global_rank + local_rank] = child
        for rank in self._children:
            threading.Thread(target=self._follow, args=(rank,), daemon=True).start()

    def _follow(self, rank: int) -> None:
        """End when a process ends that is not connected yet."""
        code = self._children[rank].wait()
        if self._link is None and code != 0:
            if code < 0:
                self._say_lost(Member(rank, self._children[rank].pid, Member.me(0).host))
            self._end(2 if code < 0 else code)

    def _end_with_the_parent(self) -> None:
        """End when the process ends that started this one, as long as this one is not connected yet."""
        parent = Member(**json.loads(os.environ[PARENT]))
        while self._link is None:
            if os.getppid() != parent.pid:
                self._say_lost(parent)
                self._end(2)
            time.sleep(1)

    def _say_lost(self, member: Member) -> None:
        if member.rank == 0 and self._rank != 1:
            return  # the others have all lost the first one, and one has to say it
        how, child = "", self._children.get(member.rank)
        if child is not None:
            with suppress(subprocess.TimeoutExpired):
                code = child.wait(1)
                how = f", {signal.Signals(-code).name if code < 0 else f'exit code {code}'}"
        if sys.stdout.isatty():
            sys.stdout.write("\n\x1b[?25h")  # below a progress bar, which has hidden the cursor
        print(
            f"{self.command}: error: process {member.rank} of {self._size} (pid {member.pid}, host "
            f"{member.host}{how}) is gone, and the training ends with it; {self._how_to_go_on()}",
            file=sys.stderr,
            flush=True,
        )

    def _how_to_go_on(self) -> str:
        last = self.folder / "checkpoints" / "last.ckpt"
        if not last.exists():
            return "it has no checkpoint yet"
        return f"the last checkpoint is {last}; go on with output={self.folder} resume=true"

    def _end(self, code: int) -> None:
        """End this process here and now, whatever its other threads wait for."""
        self._end_children(PATIENCE_SECONDS)
        for worker in multiprocessing.active_children():
            worker.kill()
        flushing = threading.Thread(target=sys.stdout.flush, daemon=True)
        flushing.start()
        flushing.join(1)  # not for ever: somebody may hold it
        os._exit(code)

    def _end_children(self, patience: float) -> None:
        deadline = time.monotonic() + patience
        for child in self._children.values():
            with suppress(subprocess.TimeoutExpired):
                child.wait(max(deadline - time.monotonic(), 0))
            child.kill()
            child.wait()


def code_of(error: BaseException) -> int:
    """The exit code of a process that an error ends."""
    if isinstance(error, KeyboardInterrupt):
        return INTERRUPTED
    if isinstance(error, SIGTERMException):
        return TERMINATED
    return 2 if is_for_the_user(error) else 1


def wait_for_the_first() -> None:
    """Where torchrun started several processes: wait until the first one lets this one begin, in its folder.

    So settings are checked and data are drawn once, and what is wrong with them is said once.
    """
    store = _store_of_torchrun()
    if store is None:
        return
    if os.environ["RANK"] == "0":
        # It may end before it begins, having nothing to do, and they need not wait then.
        atexit.register(store.compare_set, FOLDER, "", NOWHERE)
        return
    store.wait([FOLDER], timedelta(hours=DATA_HOURS))
    folder = store.get(FOLDER).decode()
    if folder == NOWHERE:
        sys.exit(0)
    sys.argv.append(_override_of(Path(folder)))


def _store_of_torchrun() -> Store | None:
    """What torchrun's processes share before they are a group."""
    if os.environ.get("TORCHELASTIC_USE_AGENT_STORE") != "True":
        return None
    store = TCPStore(os.environ["MASTER_ADDR"], int(os.environ["MASTER_PORT"]), is_master=False)
    return PrefixStore(f"dyninf/{os.environ.get('TORCHELASTIC_RESTART_COUNT', 0)}", store)


def _override_of(folder: Path) -> str:
    return f"hydra.run.dir={QuotedString(str(folder), Quote.single).with_quotes()}"
