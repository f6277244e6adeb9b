"""What commands that are given a checkpoint have in common: its data set, its classes, its policy."""

import sys
from dataclasses import fields
from pathlib import Path

from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig

from dyninf import checkpoint_file
from dyninf.checkpoint_file import CheckpointFile
from dyninf.cli import policy_of
from dyninf.configuration import make, number, plain, whole_number, with_defaults, yes_or_no
from dyninf.data import Apart, Here, Limits, VideoDataModule
from dyninf.grid import Network
from dyninf.policies import Policy
from dyninf.runtime.exported import Preprocessing
from dyninf.trace import FittedPolicy


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
    """The data set that the config names; ValueError if it has other classes or clips than the file."""
    datamodule = make_clips(config, file)
    if datamodule.class_names != file.classes:
        raise ValueError(
            f"{file.path} knows {len(file.classes)} classes, the data set {datamodule.name} has "
            f"{datamodule.num_classes}, or others of the same number"
        )
    return datamodule


def make_clips(config: DictConfig, file: CheckpointFile) -> VideoDataModule:
    """How the config's data set makes clips, for videos that need not be its own, nor of its classes.

    Raises ValueError if they have other numbers of frames than the network of the file takes.
    """
    datamodule: VideoDataModule = make(config.dataset)
    if datamodule.num_frames != file.config.dataset.num_frames:
        raise ValueError(
            f"the network in {file.path} takes {file.config.dataset.num_frames} frames a clip, "
            f"dataset.num_frames is {datamodule.num_frames}"
        )
    return datamodule


def load_policy(path: str | None, file: CheckpointFile) -> FittedPolicy:
    """The policy in a file; None takes the one that the checkpoint's run left in its folder.

    Raises FileNotFoundError if there is none.
    """
    if path is not None:
        return FittedPolicy.load(path)
    left = _own_policy(file)
    if not left.is_file():
        raise FileNotFoundError(
            f"the run of {file.path} has no policy.json; give one that dyninf.evaluate left: policy_file=PATH"
        )
    return FittedPolicy.load(left)


def ready_policy_of(config: DictConfig, file: CheckpointFile, network: Network) -> Policy:
    """A policy that has thresholds: that of ``policy_file``, of the settings, or of the file that a run left.

    network: that of `file`. Raises ValueError if there is none, or it does not fit the network.
    """
    keys = [override.split("=")[0].lstrip("+~") for override in HydraConfig.get().overrides.task]
    own, given = _own_policy(file), any(key.split(".")[0] == "policy" for key in keys)
    if config.policy_file is not None or given:
        policy = policy_of(config)
    elif own.is_file():
        policy = FittedPolicy.load(own)
    else:
        raise ValueError(
            f"no thresholds: there is no {own}; give policy_file=FILE, or policy.threshold=NUMBER "
            "such as 0.9 (with 2 nothing leaves before the last checkpoint)"
        )
    if isinstance(policy, FittedPolicy):
        policy.check_fits(network, split="")
        policy = policy.policy
    policy.check_fits(len(network.checkpoints), network.gates is not None)
    policy.thresholds(len(network.checkpoints))
    if policy.sees_labels:
        raise ValueError(f"{type(policy).__name__} needs the true classes, and these videos have none")
    return policy


def reading_of(config: DictConfig, datamodule: VideoDataModule, limits: Limits) -> Apart | Here:
    """How videos are read, by the settings: in processes of their own, or in the command's."""
    timeout, memory_mb = (
        None if config[key] is None else number(config, key, least=least)
        for key, least in (("decoder_timeout", 0.001), ("decoder_memory_mb", 256))
    )
    if not yes_or_no(config, "apart"):
        return Here(datamodule.decoder, limits)
    return Apart(datamodule.decoder, limits, timeout, memory_mb)


def limits_of(config: DictConfig) -> Limits:
    """Of videos, by the settings; null is none."""
    return Limits(**{field.name: config[field.name] for field in fields(Limits)})


def preprocessing_of(file: CheckpointFile) -> Preprocessing:
    """How the checkpoint's run made clips of test videos, as its config says."""
    dataset = with_defaults(file.config.dataset)
    resize, crop, stride = (whole_number(dataset, key, least=1) for key in ("resize", "crop", "stride"))
    given = plain(dataset)
    mean, std = (tuple(float(value) for value in given[key]) for key in ("mean", "std"))
    return Preprocessing(str(given["sampling"]), stride, resize, crop, crop, mean, std)


def _own_policy(file: CheckpointFile) -> Path:
    """Where the run of a checkpoint leaves its policy."""
    return file.path.parent.parent / "policy.json"
