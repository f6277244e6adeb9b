"""``python -m dyninf.train``: train a network, record its traces, leave early for real on the test split."""

from pathlib import Path

import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import Logger, WandbLogger
from rich.console import Console

from dyninf import checkpoint_file
from dyninf.atomic import atomic_file
from dyninf.backbones import fit_weights, read_weights
from dyninf.cli import application, quieten
from dyninf.configuration import make, make_promise
from dyninf.data import ShareSkipped, VideoDataModule
from dyninf.policies import Policy
from dyninf.report import Assessment, assess, log_assessment
from dyninf.schemes import SaveConfig, SchemeModule
from dyninf.trace import Promise


def train(
    datamodule: VideoDataModule,
    module: SchemeModule,
    trainer: pl.Trainer,
    policy: Policy,
    output: Path,
    promise: Promise | None = None,
    resume: Path | None = None,
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
    device = trainer.strategy.root_device
    assessment = assess(
        module.network, datamodule, policy, output, promise, keep_calibration=True, device=device
    )
    log_assessment(trainer.loggers, assessment)
    return assessment


@application("train")
def main(config: DictConfig) -> float | None:
    """Build what the config names and train it; returns the dynamic top-1 for sweepers."""
    quieten()
    pl.seed_everything(config.seed, workers=True, verbose=False)
    output = Path(config.paths.output_dir)
    promise = make_promise(config)
    if config.checkpoint and config.pretrained:
        raise ValueError("give checkpoint or pretrained, not both: a run that goes on has weights of its own")
    resume = checkpoint_file.read(config.checkpoint) if config.checkpoint else None
    weights = read_weights(str(config.pretrained)) if config.pretrained else None
    datamodule: VideoDataModule = make(config.dataset)
    if datamodule.num_classes < 2:
        raise ValueError(
            f"the data set at {datamodule.root} has {datamodule.num_classes} classes; 2 or more are needed"
        )
    network = checkpoint_file.make_network(config, datamodule.num_classes)
    if resume is not None:
        resume.check_same_architecture(config, network)
    module: SchemeModule = make(config.module, network=network)
    policy: Policy = make(config.policy)
    if policy.threshold is not None:
        policy.thresholds(len(network.checkpoints))  # raises where their number does not fit
    saved = SaveConfig(checkpoint_file.saved_facts(config, datamodule.class_names))
    shared = ShareSkipped(datamodule.skipped)
    loggers: list[Logger] = [make(config.logger)] if config.logger else []
    callbacks = [make(callback) for callback in (config.callbacks or {}).values() if callback]
    trainer: pl.Trainer = make(config.trainer, logger=loggers, callbacks=[*callbacks, saved, shared])
    for split in datamodule.splits:
        datamodule.videos(split)  # a split that is missing is told before the training, not after it
    if weights is not None:
        fitted = fit_weights(network, weights, datamodule.class_names)
        if trainer.is_global_zero:
            Console().print(fitted)
    with atomic_file(output / "config.yaml") as new:
        new.write_text(OmegaConf.to_yaml(config, resolve=True))
    for logger in loggers:
        logger.log_hyperparams(saved.saved["config"])
    try:
        assessment = train(
            datamodule, module, trainer, policy, output, promise, resume.path if resume else None
        )
    finally:
        for logger in loggers:
            if isinstance(logger, WandbLogger):
                logger.experiment.finish()  # else the next run of a multirun would continue this one
    return None if assessment is None else float(assessment.summary["dynamic"]["top1"])


if __name__ == "__main__":
    main()
