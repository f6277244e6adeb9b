"""The work of ``python -m dyninf.train``, as a function of objects.

For notebooks, and for commands of one's own.
"""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import pytorch_lightning as pl

from dyninf import checkpoint_file
from dyninf.data import VideoDataModule
from dyninf.json_file import brief
from dyninf.policies import Policy
from dyninf.report import Assessment, assess, log_assessment
from dyninf.schemes import SchemeModule
from dyninf.trace import Milliseconds, Promise, Recording, Share


def train(
    datamodule: VideoDataModule,
    module: SchemeModule,
    trainer: pl.Trainer,
    policy: Policy,
    output: Path,
    promise: Promise | None = None,
    resume: Path | None = None,
    milliseconds: Milliseconds | None = None,
    recording: Recording | None = None,
    kept: Iterable[Path] = (),
) -> Assessment | None:
    """Fit, take the best epoch, and assess it on the test split.

    All processes of the trainer record traces, whatever `recording` says of its share; the first one returns
    the assessment. kept: files that have to be there still when that is written, as has the best epoch's.

    The best epoch is that of the trainer's checkpoint callback, or the last where it has none; its file needs
    to hold no more than the trainer writes.

    Raises ValueError if `resume` holds something else than a training to go on with.
    """
    if trainer.is_global_zero:
        datamodule.keep_skipped(output)
    _fit(trainer, module, datamodule, resume)
    best = trainer.checkpoint_callback.best_model_path if trainer.checkpoint_callback else ""  # type: ignore[attr-defined]
    if best:
        checkpoint_file.load_weights(module.network, checkpoint_file.network_weights(best), Path(best))
    assessment = assess(
        module.network,
        datamodule,
        policy,
        output,
        promise,
        keep_calibration=True,
        device=trainer.strategy.root_device,
        milliseconds=milliseconds,
        recording=replace(recording or Recording(), share=Share(trainer.global_rank, trainer.world_size)),
        kept=[*kept, *([Path(best)] if best else [])],
    )
    if assessment is not None:
        log_assessment(trainer.loggers, assessment, datamodule)
    return assessment


def _fit(trainer: pl.Trainer, module: SchemeModule, datamodule: VideoDataModule, resume: Path | None) -> None:
    try:
        trainer.fit(module, datamodule, ckpt_path=resume)
    except (LookupError, TypeError, AttributeError, RuntimeError, ValueError) as error:
        # Lightning lets go of what the file held when all of it has been taken in.
        if resume is None or not trainer._checkpoint_connector._loaded_checkpoint:
            raise
        if not isinstance(error, ValueError):
            said = f"{type(error).__name__}: {brief(error)}"
            raise ValueError(f"{resume} is damaged, or of another training: {said}") from error
        if str(resume) in str(error):
            raise
        raise ValueError(f"{resume}: {brief(error)}") from error
