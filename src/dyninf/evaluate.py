"""``python -m dyninf.evaluate checkpoint=PATH``: a trained network on a split, leaving early for real."""

import sys
from pathlib import Path

import torch
from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

from dyninf import checkpoint_file
from dyninf.cli import application
from dyninf.configuration import make, make_promise, with_defaults
from dyninf.report import assess


def offer_dataset() -> None:
    """Make the data set of the checkpoint's own run the default choice of the group ``dataset``."""
    given = [argument for argument in sys.argv[1:] if argument.startswith("checkpoint=")]
    paths = [
        path
        for override in OverridesParser.create().parse_overrides(given)
        for path in (override.sweep_iterator() if override.is_sweep_override() else [override.value()])
    ]
    files = [checkpoint_file.read(str(path).strip("'\"")) for path in paths]
    datasets = [with_defaults(file.config.dataset) for file in files]
    if any(dataset != datasets[0] for dataset in datasets):
        raise ValueError("these checkpoints are of runs on different data sets; evaluate them one by one")
    ConfigStore.instance().store(group="dataset", name="of_checkpoint", node=[*datasets, {}][0])


@application("evaluate", before=offer_dataset)
def main(config: DictConfig) -> float:
    """Assess ``config.checkpoint``; returns the dynamic top-1 for sweepers."""
    device = config.device or ("cuda" if torch.cuda.is_available() else "cpu")
    if device not in ("cpu", "cuda") or (device == "cuda" and not torch.cuda.is_available()):
        there = "cpu, cuda" if torch.cuda.is_available() else "cpu"
        raise ValueError(f"device {device!r} is not there; choose from {there}")
    promise = make_promise(config)
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
        promise,
        config.split,
        known_traces=file.path.parent.parent / "trace",
        device=device,
    )
    return float(assessment.summary["dynamic"]["top1"])


if __name__ == "__main__":
    main()
