"""``python -m tests.schemes.signals_to_two_processes FOLDER``: trainings that a signal to one process ends.

Not a test: `test_interruptions` runs it. Lightning starts the second process with the same command line.
"""

import shutil
import signal
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

import torch
from pytorch_lightning import Callback
from pytorch_lightning.utilities.exceptions import SIGTERMException
from tests.schemes.test_interruptions import Crash, fit, trainer_of


def life(folder: Path, *more: Callback) -> None:
    """Epochs of 6 batches and 3 steps: the 10th step is the first one of the last epoch."""
    trainer = trainer_of(folder, *more, strategy="ddp", devices=2, accumulate_grad_batches=2, max_epochs=4)
    fit(trainer, folder, batch_size=1)


def send(number: signal.Signals) -> None:
    if torch.distributed.get_rank() == 1:
        signal.raise_signal(number)


def main(folder: Path) -> None:
    """A folder for each signal, with the checkpoint that it had beside it, and one without any."""
    life(folder / "undisturbed")
    for number in (signal.SIGTERM, signal.SIGUSR1):
        own = folder / number.name
        sent = Crash("on_train_batch_start", 19, partial(send, number))  # in the last epoch
        with suppress(SIGTERMException, ConnectionError):
            life(own, sent, Crash("on_train_batch_start", 22))
        if torch.distributed.get_rank() == 0:
            shutil.copy(own / "last.ckpt", folder / f"{number.name}.ckpt")
        torch.distributed.barrier()
        life(own)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
