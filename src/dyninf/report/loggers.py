"""What loggers get of a run besides its training: config and code first, the figures of the end last."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import Logger, WandbLogger
from pytorch_lightning.utilities import rank_zero_only

from dyninf.data import VideoDataModule
from dyninf.policies import Policy
from dyninf.report.assess import Assessment
from dyninf.report.wandb_content import wandb_content
from dyninf.report.wandb_logger import kept
from dyninf.split_name import SplitName
from dyninf.trace import FittedPolicy
from dyninf.version import __version__, commit


@contextmanager
def followed(loggers: Iterable[Logger], config: Mapping[str, Any], tags: Iterable[str]) -> Iterator[None]:
    """Log `config` and the version of the code, tag W&B's run, and finish it when the block ends.

    Without the end of one run the next of a multirun would continue it.
    """
    loggers, code = list(loggers), {"version": __version__, "commit": commit()}
    for logger in loggers:
        with kept("the config"):
            logger.log_hyperparams({**config, "code": code})
        if isinstance(logger, WandbLogger):
            _tag(logger, tags)
    code_of_exit = 1
    try:
        yield
        code_of_exit = 0
    finally:
        for logger in loggers:
            if isinstance(logger, WandbLogger):
                with kept("the end of the run"):
                    logger.experiment.finish(exit_code=code_of_exit)


def tags_of(network: str, dataset: str, policy: Policy | FittedPolicy) -> list[str]:
    """By which runs can be found: backbone, scheme and frames, data set, policy."""
    policy = policy.policy if isinstance(policy, FittedPolicy) else policy
    return [*network.rsplit("-", 2), dataset, type(policy).__name__]


def log_assessment(
    loggers: Iterable[Logger], assessment: Assessment, datamodule: VideoDataModule | None = None
) -> None:
    """Accuracies and costs as metrics; for W&B, tables, charts and videos as well (`wandb_content`).

    A logger that fails costs a line on standard error, and what it names.
    """
    split = SplitName.of(assessment.summary["split"]).part or "test"
    metrics = _metrics(assessment.summary, split)
    for logger in loggers:
        with kept("the final metrics"):
            logger.log_metrics(metrics)
        if isinstance(logger, WandbLogger):
            for name, make in wandb_content(assessment, datamodule, split):
                with kept(name):
                    logger.experiment.log({name: make()})
        with kept("what was logged last"):
            logger.save()


def log_report(loggers: Iterable[Logger], files: Sequence[Path]) -> None:
    """A report and its figures as W&B's artifact ``report-RUN``, of the type ``report``."""
    for logger in loggers:
        if isinstance(logger, WandbLogger):
            with kept("the report"):
                import wandb

                artifact = wandb.Artifact(f"report-{logger.experiment.id}", type="report")
                above = os.path.commonpath([file.resolve().parent for file in files])
                for file in files:
                    artifact.add_file(str(file), str(file.resolve().relative_to(above)))
                logger.experiment.log_artifact(artifact)


@rank_zero_only
def _tag(logger: WandbLogger, tags: Iterable[str]) -> None:
    with kept("the tags"):
        run = logger.experiment
        run.tags = tuple(dict.fromkeys([*(run.tags or ()), *tags]))


def _metrics(summary: Mapping[str, Any], split: str) -> dict[str, float]:
    kinds = [kind for kind in ("full", "dynamic") if kind in summary]
    found = {
        f"{split}/{kind}/{key}": summary[kind][key] for kind in kinds for key in ("top1", "top5", "gmacs")
    }
    for row in summary["checkpoints"]:
        found |= {f"{split}/{key}/{row['name']}": row[key] for key in ("top1", "gmacs")}
    if "dynamic" in summary:
        for row, share in zip(summary["checkpoints"], summary["dynamic"]["exit_share"], strict=True):
            found[f"{split}/exit_share/{row['name']}"] = share
        if isinstance(summary["threshold"], (int, float)):
            found[f"{split}/threshold"] = summary["threshold"]
    if "calibration" in summary:  # for sweepers, which must not choose by the split that is reported
        found |= {f"calibration/dynamic/{key}": value for key, value in summary["calibration"].items()}
    if "milliseconds" in summary:
        found |= {f"{split}/{kind}/milliseconds": summary["milliseconds"][kind] for kind in kinds}
    return found
