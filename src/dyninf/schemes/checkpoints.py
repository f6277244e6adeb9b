"""``last.ckpt``: from where a training goes on that was killed, as if it had never been."""

import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any, Protocol, runtime_checkable

from pytorch_lightning import LightningModule, Trainer
from pytorch_lightning.callbacks import Checkpoint
from pytorch_lightning.trainer.call import _call_callbacks_state_dict
from pytorch_lightning.utilities.exceptions import SIGTERMException

from dyninf.schemes.best_epochs import check_best, forget_best, move_best
from dyninf.schemes.position import (
    Loops,
    after_batch,
    before_validation,
    between_batches,
    between_epochs,
    is_between_epochs,
)

SAVE_SIGNAL = signal.SIGUSR1
"""What SLURM, or a person, sends to have a checkpoint now."""

CLIPS_KEY = "clips_of_a_step"

ASK_EVERY = 10
"""Steps of the optimizer after which several processes ask one another whether to save, in a message."""


@runtime_checkable
class GoesOn(Protocol):
    """A logger whose rows have to end where a training goes on."""

    def go_on(self, epoch: int, step: int) -> None:
        """Forget what was logged of this epoch and later ones, and at this step or later ones."""


class LastCheckpoint(Checkpoint):
    """Saves everything that a training goes on from, in one file that is always whole.

    At the end of each epoch, when its figures are in the logs; every so many minutes or steps; on SIGUSR1 and
    SIGTERM; where a limit of steps or time ends the training; and on Ctrl-C, which then ends the training (a
    second one ends it at once). Signals wait for the end of a batch, in training or in validation; several
    processes heed them every `ASK_EVERY` steps of the optimizer, and at the end of an epoch. What is drawn
    follows from seeds, so that the file needs no state of a generator.

    Args:
        dirpath: the file's folder.
        filename: without its ending ".ckpt".
        every_minutes: between two savings within an epoch; None for none.
        every_steps: of the optimizer between two savings, the same.
        after_signal: called on every process when the file that SIGUSR1 asked for is saved.

    Raises:
        ValueError: an interval is not positive; or a training goes on with another number of clips in a step,
            to fewer epochs than are done, or with files of its best epochs that lie outside their folder.
    """

    def __init__(
        self,
        dirpath: str | Path,
        filename: str = "last",
        every_minutes: float | None = 30,
        every_steps: int | None = None,
        after_signal: Callable[[Trainer], object] | None = None,
    ) -> None:
        for name, value in (("every_minutes", every_minutes), ("every_steps", every_steps)):
            if value is not None and not (isinstance(value, (int, float)) and value > 0):
                raise ValueError(f"{name} must be a positive number, or null for none; got {value!r}")
        self.path = Path(dirpath) / f"{filename}.ckpt"
        self.every_minutes = every_minutes
        self.every_steps = every_steps
        self.after_signal = after_signal
        self._asked: set[int] = set()
        self._place: Callable[[Loops], None] | None = None
        self._saved_at = time.monotonic()
        self._ended_within_epoch = False
        self._handlers: dict[int, Any] = {}

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._asked.clear()
        self._ended_within_epoch = False
        self._saved_at = time.monotonic()
        if threading.current_thread() is threading.main_thread():
            # Lightning's handler of SIGTERM, in several processes, would send messages amid those of a step.
            more = [signal.SIGTERM] if trainer.world_size > 1 else []
            self._handlers = {n: signal.signal(n, self._ask) for n in (SAVE_SIGNAL, signal.SIGINT, *more)}
        loop = trainer.fit_loop.epoch_loop
        if loop.batch_progress.current.ready == 0:
            # With a limit of steps Lightning takes an epoch that begins for one that is gone on with.
            loop.restarting = False

    def on_train_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        # Only now are the figures of the epoch before in the logs.
        if _epochs(trainer).processed > 0 and not trainer.fit_loop.is_resuming:
            self._save(trainer, between_epochs)
            self._answer(trainer)

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loop = trainer.fit_loop.epoch_loop
        if loop._should_accumulate():
            return
        ends = trainer.should_stop or trainer.global_step == trainer.max_steps
        if not (ends or self._is_time(trainer) or self._is_asked(trainer)):
            return
        if _validation_follows(trainer):
            self._save(trainer, before_validation)
        elif not loop._num_ready_batches_reached():
            self._save(trainer, after_batch)
            self._ended_within_epoch = ends
        else:
            return  # the end of the epoch, which comes now, is saved
        self._answer(trainer)

    def on_validation_batch_end(
        self,
        trainer: Trainer,
        pl_module: LightningModule,
        outputs: Any,
        batch: Any,
        batch_idx: int,
        dataloader_idx: int = 0,
    ) -> None:
        # Several processes may have different numbers of these batches, and cannot ask one another.
        if trainer.state.fn != "fit" or trainer.sanity_checking or trainer.world_size > 1:
            return
        if self._is_asked(trainer) and not trainer.should_stop:
            self._save(trainer, before_validation)
            self._answer(trainer)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._ended_within_epoch:
            self._add_what_followed(trainer)
        else:
            self._save(trainer, between_epochs)
        self._answer(trainer)

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._restore_handlers()
        if not isinstance(exception, SIGTERMException) or trainer.world_size > 1:
            return
        # Lightning raises it between two batches, or two epochs, when all is counted.
        if not trainer.validating:
            ended = _epochs(trainer).processed == _epochs(trainer).started
            self._save(trainer, between_epochs if ended else between_batches)
        elif not trainer.should_stop:  # else the end of the training is saved, and this validation is its own
            self._save(trainer, before_validation)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        loops = checkpoint["loops"]["fit_loop"]
        place = self._place
        if place is None and is_between_epochs(loops):  # another's file, such as best.ckpt
            place = between_epochs
        if place is not None:
            place(loops)
        if place is between_epochs:
            checkpoint["epoch"] = loops["epoch_progress"]["current"]["processed"] - 1  # the last that is done
        checkpoint[CLIPS_KEY] = clips_of_a_step(trainer)

    def on_load_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        loops = checkpoint["loops"]["fit_loop"]
        before, now = checkpoint.get(CLIPS_KEY), clips_of_a_step(trainer)
        is_own = trainer.ckpt_path is not None and Path(trainer.ckpt_path).resolve() == self.path.resolve()
        if is_own and None not in (before, now) and before != now:
            raise ValueError(
                f"{self.path} goes on with {before} clips in a step, as it began; here are {now}, in "
                f"{trainer.world_size} processes: change dataset.batch_size or trainer.devices"
            )
        if is_own:
            move_best(trainer, checkpoint["callbacks"])
        else:
            forget_best(trainer, checkpoint["callbacks"])
        epochs = loops["epoch_progress"]["current"]["processed"]
        if trainer.max_epochs is not None and 0 <= trainer.max_epochs < epochs:
            raise ValueError(f"trainer.max_epochs={trainer.max_epochs}, but {epochs} epochs are done already")
        for logger in trainer.loggers:
            if isinstance(logger, GoesOn):
                logger.go_on(epochs, loops["epoch_loop.state_dict"]["_batches_that_stepped"])

    def teardown(self, trainer: Trainer, pl_module: LightningModule, stage: str) -> None:
        self._restore_handlers()

    def _is_time(self, trainer: Trainer) -> bool:
        return self.every_steps is not None and trainer.global_step % self.every_steps == 0

    def _is_asked(self, trainer: Trainer) -> bool:
        """By a signal or the clock, which is that of the first process."""
        asked = bool(self._asked) or trainer.received_sigterm
        if self.every_minutes is not None and trainer.is_global_zero:
            asked |= time.monotonic() - self._saved_at >= 60 * self.every_minutes
        if trainer.world_size == 1:
            return asked
        return trainer.global_step % ASK_EVERY == 0 and _any(trainer, asked)

    def _save(self, trainer: Trainer, place: Callable[[Loops], None]) -> None:
        check_best(trainer)
        for logger in trainer.loggers:
            logger.save()  # first, so that rows of before the checkpoint cannot be lost
        self._place = place
        try:
            trainer.save_checkpoint(self.path, weights_only=False)
        finally:
            self._place = None
        self._saved_at = time.monotonic()

    def _add_what_followed(self, trainer: Trainer) -> None:
        """Save what callbacks keep of the validation in which a limit ended the training: the best score."""
        states = _call_callbacks_state_dict(trainer)
        if trainer.is_global_zero:
            files = trainer.strategy.checkpoint_io
            files.save_checkpoint(files.load_checkpoint(self.path) | {"callbacks": states}, self.path)
        trainer.strategy.barrier("last.ckpt")

    def _answer(self, trainer: Trainer) -> None:
        """Do what the signals that came are for, now that the file is there."""
        if _any(trainer, SAVE_SIGNAL in self._asked) and self.after_signal is not None:
            self.after_signal(trainer)
        if _any(trainer, signal.SIGINT in self._asked):
            if trainer.is_global_zero:
                print(
                    f"interrupted; {self.path} has all of the training: resume=true goes on", file=sys.stderr
                )
            raise KeyboardInterrupt("all is said")
        if _any(trainer, signal.SIGTERM in self._asked):
            raise SIGTERMException
        self._asked.clear()

    def _ask(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and signal.SIGINT in self._asked:
            raise KeyboardInterrupt
        self._asked.add(number)

    def _restore_handlers(self) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        self._handlers = {}


def clips_of_a_step(trainer: Trainer) -> int | None:
    """That one step of the optimizer sees, in all processes; None where a loader alone knows."""
    batch_size = getattr(trainer.datamodule, "batch_size", None)  # type: ignore[attr-defined]
    if batch_size is None:
        return None
    return int(batch_size * trainer.world_size * trainer.accumulate_grad_batches)


def _validation_follows(trainer: Trainer) -> bool:
    """Whether a validation is due after this batch, other than one because the training stops."""
    stops, trainer.should_stop = trainer.should_stop, False
    try:
        fetcher = trainer.fit_loop._data_fetcher
        return fetcher is not None and trainer.fit_loop.epoch_loop._should_check_val_fx(fetcher)
    finally:
        trainer.should_stop = stops


def _epochs(trainer: Trainer) -> Any:
    return trainer.fit_loop.epoch_progress.current


def _any(trainer: Trainer, decision: bool) -> bool:
    return bool(trainer.strategy.reduce_boolean_decision(decision, all=False))
