"""``python -m dyninf.train``: train a network, record its traces, leave early for real on the test split."""

from pathlib import Path

import pytorch_lightning as pl
from omegaconf import DictConfig, OmegaConf
from pytorch_lightning.loggers import Logger
from rich.console import Console

from dyninf import checkpoint_file, going_on
from dyninf.allowed_targets import check_targets
from dyninf.backbones import fit_weights, read_weights
from dyninf.cli import application, is_first_process, quieten
from dyninf.configuration import make, make_promise, make_recording, yes_or_no
from dyninf.data import ShareSkipped, VideoDataModule
from dyninf.learning_rate import scale_learning_rate
from dyninf.policies import Policy
from dyninf.report import EpochTable, followed, load_milliseconds, tags_of
from dyninf.report.assess import check_kept
from dyninf.reporting import report_run
from dyninf.schemes import SaveConfig, SchemeModule, SeedSteps, heed_signals
from dyninf.together import Together, wait_for_the_first
from dyninf.trace import Share
from dyninf.training import train


@application("train", before=wait_for_the_first)
def main(config: DictConfig) -> float | None:
    """Build what the config names and train it; returns the dynamic top-1 on calibration for sweepers."""
    after_signal = OmegaConf.select(config, "callbacks.last.after_signal")
    with heed_signals(make(after_signal) if after_signal else None, speaks=is_first_process()):
        return run(config)


def run(config: DictConfig) -> float | None:
    """The same, where signals are seen to."""
    quieten()
    pl.seed_everything(config.seed, workers=True, verbose=False)
    output = Path(config.paths.output_dir)
    recording = make_recording(config, Share())
    promise, wants_report = make_promise(config), yes_or_no(config, "report")
    check_targets(config, "the configuration")
    if config.checkpoint and config.pretrained:
        raise ValueError("give checkpoint or pretrained, not both: a run that goes on has weights of its own")
    if (summary := going_on.finished(config, output)) is not None:
        Console().print(f"{output} is finished, with these settings: nothing is left to do", highlight=False)
        return float(summary["calibration"]["top1"])
    resume = going_on.beginning(config, output)
    weights = read_weights(str(config.pretrained)) if config.pretrained and resume is None else None
    datamodule: VideoDataModule = make(config.dataset)
    if datamodule.num_classes < 2:
        raise ValueError(
            f"the data set at {datamodule.root} has {datamodule.num_classes} classes; 2 or more are needed"
        )
    network = checkpoint_file.make_network(config, datamodule.num_classes)
    if resume is not None:
        resume.check_same_architecture(config, network)
    times = config.milliseconds and load_milliseconds(config.milliseconds, network, datamodule)
    module: SchemeModule = make(config.module, network=network)
    policy: Policy = make(config.policy)
    policy.check_fits(len(network.checkpoints), network.gates is not None)
    saved = SaveConfig(checkpoint_file.saved_facts(config, datamodule.class_names))
    shared = ShareSkipped(datamodule.skipped)
    loggers: list[Logger] = [make(config.logger)] if config.logger else []
    loggers.append(EpochTable(output / "metrics.csv"))
    together = Together("dyninf.train", output)
    callbacks = [make(callback) for callback in (config.callbacks or {}).values() if callback]
    callbacks += [saved, shared, SeedSteps(config.seed), together]
    trainer: pl.Trainer = make(config.trainer, logger=loggers, callbacks=callbacks)
    clips = (datamodule.batch_size, config.scale_lr, config.reference_batch)
    step = scale_learning_rate(module, trainer, *clips)
    saved.saved["training"] = step.facts()
    for split in datamodule.splits:
        datamodule.videos(split)  # a split that is missing is told before the training, not after it
    if weights is not None:
        fitted = fit_weights(network, weights, datamodule.class_names)
        if trainer.is_global_zero:
            Console().print(fitted)
    if trainer.is_global_zero:
        going_on.begin(config, output)
        Console().print(str(step), highlight=False)
    together.begin(trainer)
    last = resume.path if resume else None
    kept = [output / "config.yaml"]
    facts = saved.saved["config"] | {"training": step.facts()}
    with together, followed(loggers, facts, tags_of(network.name, datamodule.name, policy)):
        assessment = train(datamodule, module, trainer, policy, output, promise, last, times, recording, kept)
        if assessment is None:
            return None
        if wants_report:
            report_run(output, network, datamodule, trainer.loggers)
        check_kept([*kept, output / "summary.json"])
    return float(assessment.summary["calibration"]["top1"])


if __name__ == "__main__":
    main()
