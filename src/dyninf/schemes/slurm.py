"""Jobs of SLURM: processes that srun started, and the way back into the queue."""

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from pytorch_lightning import Trainer
from pytorch_lightning.plugins.environments import SLURMEnvironment

from dyninf.schemes.checkpoints import SAVE_SIGNAL

PATIENCE_SECONDS = 60  # with scontrol, which waits for the controller


class SlurmTasks(SLURMEnvironment):
    """The tasks of a job step are the processes of a training.

    Lightning's own way of queueing a job again is off: it saves another file than a training goes on from,
    and may call a shell.

    Raises ValueError if srun did not start this process, or not with as many tasks on each node.
    """

    def __init__(self) -> None:
        needed = ("SLURM_NTASKS", "SLURM_PROCID", "SLURM_LOCALID", "SLURM_NODEID")
        if missing := [name for name in needed if name not in os.environ]:
            raise ValueError(
                f"trainer=slurm is for processes that srun started: {missing[0]} is not set; on one machine, "
                "take trainer=ddp"
            )
        try:
            super().__init__(auto_requeue=False)
        except RuntimeError as error:
            raise ValueError(str(error)) from error


class Requeue:
    """Called when a training has saved what it goes on from: puts its job into the queue again, once.

    SLURM then ends the job, and starts the same script again when there is room. What the job does until it
    is ended is no loss. Where the job cannot be queued again, the training goes on, and says why.
    """

    def __init__(self) -> None:
        self._done = False

    def __call__(self, trainer: Trainer) -> None:
        if trainer.is_global_zero and (said := self.ask()):
            print(f"saved; {said}", file=sys.stderr, flush=True)

    def ask(self) -> str | None:
        """What came of asking SLURM, in words; None where it was asked before and has agreed."""
        if self._done:
            return None
        problem = requeue()
        self._done = problem is None
        return f"the job is not queued again: {problem}" if problem else "the job is queued again"


@contextmanager
def heed_signals(after_signal: object, speaks: bool) -> Iterator[None]:
    """A block in which SIGUSR1 does not end this process: before a training, and after it.

    A training itself has `LastCheckpoint`. Here all that is done is on disk, or is soon made again.

    Args:
        after_signal: `LastCheckpoint`'s; a `Requeue` asks SLURM here as well.
        speaks: asks, and says so in a line; one process of a run is to.
    """

    def heed(number: int, frame: FrameType | None) -> None:
        if not speaks:
            return
        asked = after_signal.ask() if isinstance(after_signal, Requeue) else "it goes on"
        if asked:
            # Not a print, which may have been interrupted in the middle of another one.
            os.write(2, f"{signal.Signals(number).name}: no step is trained now; {asked}\n".encode())

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(SAVE_SIGNAL, heed)
    try:
        yield
    finally:
        signal.signal(SAVE_SIGNAL, before)


def requeue() -> str | None:
    """``scontrol requeue`` of this job, or of this task of an array; what was wrong, or None."""
    job, array, task = (
        os.environ.get(f"SLURM_{name}", "") for name in ("JOB_ID", "ARRAY_JOB_ID", "ARRAY_TASK_ID")
    )
    name = f"{array}_{task}" if array else job
    if not re.fullmatch(r"\d+(_\d+)?", name):
        return f"SLURM_JOB_ID names no job: {name!r}"
    program = shutil.which("scontrol")
    if program is None:
        return "there is no scontrol here"
    try:
        done = subprocess.run(
            [program, "requeue", name], capture_output=True, text=True, timeout=PATIENCE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return " ".join(str(error).split())
    if done.returncode == 0:
        return None
    return f"scontrol ended with code {done.returncode}: {' '.join(done.stderr.split())}"
