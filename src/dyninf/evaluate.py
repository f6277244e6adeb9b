"""``python -m dyninf.evaluate checkpoint=PATH``: a trained network on a split, leaving early for real."""

import sys
from pathlib import Path

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

from dyninf import checkpoint_file
from dyninf.cli import application, policy_of
from dyninf.configuration import device_named, make, plain, with_defaults
from dyninf.report import assess, followed, load_milliseconds, log_assessment, tags_of
from dyninf.trace import Promise


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
    device = device_named(config.device)
    policy = policy_of(config)
    promise = Promise(config.max_drop, config.budget, config.solver)
    file = checkpoint_file.read(config.checkpoint)
    datamodule = make(config.dataset)
    if datamodule.class_names != file.classes:
        raise ValueError(
            f"{file.path} knows {len(file.classes)} classes, the data set {datamodule.name} has "
            f"{datamodule.num_classes}, or others of the same number"
        )
    network, output = file.network(), Path(config.paths.output_dir)
    checkpoint_file.save_config(output, file.config_with(config))
    loggers = [make(config.logger)] if config.logger else []
    settings = {"run": plain(file.config), **plain(config)}
    times = config.milliseconds and load_milliseconds(config.milliseconds, network, datamodule)
    with followed(loggers, settings, tags_of(network.name, datamodule.name, policy)):
        assessment = assess(
            network,
            datamodule,
            policy,
            output,
            promise,
            config.split,
            known_traces=file.path.parent.parent / "trace",
            device=device,
            milliseconds=times,
        )
        log_assessment(loggers, assessment, datamodule)
    return float(assessment.summary["dynamic"]["top1"])


if __name__ == "__main__":
    main()
