"""``python -m dyninf.evaluate checkpoint=PATH``: a trained network on a split, leaving early for real."""

import sys
from pathlib import Path

import torch
from hydra.core.config_store import ConfigStore
from omegaconf import DictConfig

from dyninf import checkpoint_file
from dyninf.cli import application
from dyninf.configuration import make
from dyninf.report import assess


@application("evaluate")
def evaluate(config: DictConfig) -> float:
    """Assess ``config.checkpoint``; returns the dynamic top-1 for sweepers."""
    file = checkpoint_file.read(config.checkpoint)
    datamodule = make(config.dataset)
    if datamodule.class_names != file.classes:
        raise ValueError(
            f"{file.path} knows {len(file.classes)} classes, the data set {datamodule.name} has "
            f"{datamodule.num_classes}, or others of the same number"
        )
    network = file.network()
    assessment = assess(
        network,
        datamodule,
        make(config.policy),
        Path(config.paths.output_dir),
        config.max_drop,
        config.split,
        known_traces=file.path.parent.parent / "trace",
        device=config.device or ("cuda" if torch.cuda.is_available() else "cpu"),
    )
    return float(assessment.summary["dynamic"]["top1"])


def main() -> None:
    """Offer the data set of the checkpoint's own run as the default choice of the group ``dataset``."""
    for argument in sys.argv[1:]:
        if argument.startswith("checkpoint=") and Path(argument.removeprefix("checkpoint=")).is_file():
            file = checkpoint_file.read(argument.removeprefix("checkpoint="))
            ConfigStore.instance().store(group="dataset", name="of_checkpoint", node=file.config.dataset)
    evaluate()


if __name__ == "__main__":
    main()
