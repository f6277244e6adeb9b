"""Figures of a finished run, to the loggers that followed its training."""

from collections.abc import Iterable

from pytorch_lightning.loggers import Logger, WandbLogger

from dyninf.report.assess import Assessment


def log_assessment(loggers: Iterable[Logger], assessment: Assessment) -> None:
    """Full and dynamic accuracy and cost as metrics; for W&B the curve and checkpoints as tables as well."""
    summary = assessment.summary
    metrics = {
        f"test/{kind}/{key}": summary[kind][key]
        for kind in ("full", "dynamic")
        for key in ("top1", "top5", "gmacs")
    }
    for logger in loggers:
        logger.log_metrics(metrics)
        if isinstance(logger, WandbLogger):
            logger.log_table("curve", columns=assessment.curve.header(), data=assessment.curve.rows())
            rows = [
                [row["name"], row["top1"], row["gmacs"], share]
                for row, share in zip(summary["checkpoints"], summary["dynamic"]["exit_share"], strict=True)
            ]
            logger.log_table("checkpoints", columns=["checkpoint", "top1", "gmacs", "exit_share"], data=rows)
        logger.save()
