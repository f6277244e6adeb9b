"""What commands that are given a checkpoint have in common: its data set, its classes."""

import sys

from hydra.core.config_store import ConfigStore
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

from dyninf import checkpoint_file
from dyninf.checkpoint_file import CheckpointFile
from dyninf.configuration import make, with_defaults
from dyninf.data import VideoDataModule


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
        raise ValueError("these checkpoints are of runs on different data sets; take them one by one")
    ConfigStore.instance().store(group="dataset", name="of_checkpoint", node=[*datasets, {}][0])


def make_dataset(config: DictConfig, file: CheckpointFile) -> VideoDataModule:
    """The data set that the config names; ValueError if it has other classes than the file."""
    datamodule: VideoDataModule = make(config.dataset)
    if datamodule.class_names != file.classes:
        raise ValueError(
            f"{file.path} knows {len(file.classes)} classes, the data set {datamodule.name} has "
            f"{datamodule.num_classes}, or others of the same number"
        )
    return datamodule
