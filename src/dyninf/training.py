"""The work of ``python -m dyninf.train``, as a function of objects.

For notebooks, and for commands of one's own.
"""

from pathlib import Path

import pytorch_lightning as pl

from dyninf import checkpoint_file
from dyninf.data import VideoDataModule
from dyninf.policies import Policy
from dyninf.report import Assessment, assess, log_assessment
from dyninf.schemes import SchemeModule
from dyninf.trace import Milliseconds, Promise


def train(
    datamodule: VideoDataModule,
    module: SchemeModule,
    trainer: pl.Trainer,
    policy: Policy,
    output: Path,
    promise: Promise | None = None,
    resume: Path | None = None,
    milliseconds: Milliseconds | None = None,
) -> Assessment | None:
    """Fit, take the best epoch, and assess it on the test split (on the first process only)."""
    if trainer.is_global_zero:
        datamodule.keep_skipped(output)
    trainer.fit(module, datamodule, ckpt_path=resume)
    if not trainer.is_global_zero:
        return None
    best = trainer.checkpoint_callback.best_model_path if trainer.checkpoint_callback else ""  # type: ignore[attr-defined]
    if best:
        checkpoint_file.load_weights(module.network, checkpoint_file.read(best).weights, Path(best))
    assessment = assess(
        module.network,
        datamodule,
        policy,
        output,
        promise,
        keep_calibration=True,
        device=trainer.strategy.root_device,
        milliseconds=milliseconds,
    )
    log_assessment(trainer.loggers, assessment, datamodule)
    return assessment
