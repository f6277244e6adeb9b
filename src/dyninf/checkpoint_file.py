"""Checkpoint files of a run, which carry the config that built their network."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import Tensor

from dyninf.allowed_targets import check_plain, check_targets
from dyninf.atomic import atomic_file
from dyninf.backbones.pretrained_file import SAVED_KEY
from dyninf.checksum import sealed_text
from dyninf.configuration import command, make
from dyninf.grid import Network
from dyninf.json_file import brief
from dyninf.tensor_file import load_tensors, save_tensors

PREFIX = "network."
_SHARED = 4  # times the file's size: what weights that share their numbers may add up to


@dataclass(frozen=True)
class CheckpointFile:
    """What a file holds: the resolved config of its run, the names of the classes, the network's weights.

    gate_width: of the network's gates; None if it has none.
    """

    path: Path
    config: DictConfig
    classes: tuple[str, ...]
    weights: Mapping[str, Tensor]
    gate_width: int | None = None

    def network(self) -> Network:
        """Build the network and load its weights.

        Its shapes are held against the weights before anything of their size is made: a config from elsewhere
        takes no more memory than its file has.

        Raises ValueError if the config makes no network, or one of another architecture than the weights.
        """
        with torch.device("meta"):
            load_weights(self._made(), self.weights, self.path, dry=True)
        network = self._made()
        load_weights(network, self.weights, self.path)
        return network.eval()

    def _made(self) -> Network:
        try:
            network = make_network(self.config, len(self.classes))
            if self.gate_width is not None:
                network.attach_gates(self.gate_width)
        except (ValueError, TypeError, RuntimeError, HydraException, OmegaConfBaseException) as error:
            raise ValueError(f"{self.path} has a config that makes no network: {brief(error)}") from error
        return network

    def config_with(self, config: DictConfig) -> DictConfig:
        """The config of the run, with what another command's config has in its place."""
        return OmegaConf.create({**self.config, **OmegaConf.to_container(config, resolve=True)})  # type: ignore[dict-item]

    def check_same_architecture(self, config: DictConfig, network: Network) -> None:
        """Raise ValueError if the file's run had another backbone, scheme or T, or its weights do not fit."""
        for place in ("backbone", "scheme", "dataset.num_frames"):
            mine, theirs = (_flat(OmegaConf.select(c, place), place) for c in (config, self.config))
            for key in theirs:  # the file of an older version lacks what was not there to choose
                if mine.get(key) != theirs[key]:
                    raise ValueError(
                        f"{self.path} is of another architecture than {network.name}: {key} is "
                        f"{theirs[key]} in the file, {mine.get(key)} here"
                    )
        load_weights(network, self.weights, self.path, dry=True)


def make_network(config: DictConfig, num_classes: int) -> Network:
    """The network that a run's config asks for."""
    return Network(make(config.backbone), make(config.scheme), num_classes, config.dataset.num_frames)


def saved_facts(config: DictConfig, classes: tuple[str, ...]) -> dict[str, Any]:
    """What `read` needs to find in a checkpoint, as plain values."""
    return {"config": OmegaConf.to_container(config, resolve=True), "classes": list(classes)}


def save_config(folder: Path, config: DictConfig) -> None:
    """Write a run's config to ``config.yaml``, with all it refers to, under its command if that is known."""
    with atomic_file(folder / "config.yaml") as new:
        first = f"# {line}\n" if (line := command()) else ""
        new.write_text(sealed_text(first + OmegaConf.to_yaml(config, resolve=True)))


def save_gated(path: Path, file: CheckpointFile, network: Network) -> None:
    """Write `network`, which is that of `file` with gates, as a file that `read` reads."""
    assert network.gates is not None
    content = {
        "state_dict": {f"{PREFIX}{name}": tensor.cpu() for name, tensor in network.state_dict().items()},
        SAVED_KEY: saved_facts(file.config, file.classes) | {"gate_width": network.gates.width},
    }
    save_tensors(path, content)


def read(path: str | Path) -> CheckpointFile:
    """Read a file that a run of ``dyninf.train`` wrote; it can name no classes but dyninf's.

    Raises FileNotFoundError, or ValueError if the file is damaged or of another program.
    """
    path = Path(path)
    content = _content(path)
    if SAVED_KEY not in content:
        raise ValueError(f"{path} is no checkpoint of dyninf.train: it has no {SAVED_KEY!r} entry")
    try:
        return _parsed(content["state_dict"], content[SAVED_KEY], path)
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged: what a checkpoint of dyninf.train has is not there") from error


def network_weights(path: str | Path) -> Mapping[str, Tensor]:
    """The network's weights in a file that the trainer of a `SchemeModule` saved, whatever else is in it.

    Raises FileNotFoundError, or ValueError if the file is damaged or of another program.
    """
    path = Path(path)
    try:
        weights = _of_network(_content(path)["state_dict"])
    except (TypeError, AttributeError) as error:
        raise ValueError(f"{path} is damaged: its 'state_dict' entry has no weights by name") from error
    _check_tensors(weights, path)
    return weights


def _content(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(
            f"no checkpoint at {path}; a run of dyninf.train has best.ckpt and last.ckpt in checkpoints/"
        )
    try:
        content = load_tensors(path)
    except ValueError as error:
        raise ValueError(
            f"{path} cannot be read: it is damaged or incomplete, or no checkpoint of dyninf.train"
        ) from error
    if not isinstance(content, dict) or "state_dict" not in content:
        raise ValueError(f"{path} is no checkpoint of dyninf.train: it has no 'state_dict' entry")
    return content


def _of_network(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name.removeprefix(PREFIX): tensor for name, tensor in state.items() if name.startswith(PREFIX)}


def _parsed(state: Mapping[str, Tensor], saved: Mapping[str, Any], path: Path) -> CheckpointFile:
    weights = _of_network(state)
    _check_tensors(weights, path)
    check_targets(saved["config"], path)
    check_plain(saved["config"], path)
    classes, gate_width = saved["classes"], saved.get("gate_width")
    if not isinstance(classes, list) or not all(isinstance(name, str) for name in classes):
        raise ValueError(f"{path} is damaged: it has no names of classes")
    if gate_width is not None and not isinstance(gate_width, int):
        raise ValueError(f"{path} is damaged: its gates have no width")
    try:
        config = OmegaConf.create(saved["config"])
    except OmegaConfBaseException as error:
        raise ValueError(f"{path} has a config that is none: {brief(error)}") from error
    return CheckpointFile(path, config, tuple(classes), weights, gate_width)


def _check_tensors(weights: Mapping[str, Tensor], path: Path) -> None:
    """Raise ValueError unless they are tensors whose numbers are all in the file.

    A network of their shapes takes as much memory as they say, and views of one number say any amount.
    """
    total = 0
    for name, tensor in weights.items():
        if not isinstance(tensor, Tensor):
            raise ValueError(f"{path} is damaged: {brief(name)} is no tensor")
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized:
            raise ValueError(f"{path} is damaged: {brief(name)} is no plain tensor")
        total += tensor.nbytes
        if tensor.nbytes > tensor.untyped_storage().nbytes() or total > _SHARED * path.stat().st_size:
            raise ValueError(f"{path} is damaged: it does not hold all numbers of {brief(name)}")


def load_weights(network: Network, weights: Mapping[str, Tensor], path: Path, dry: bool = False) -> None:
    """Load `weights` strictly (or, with `dry`, only compare names and shapes).

    Raises ValueError that names the first weight that is missing, left over or of another shape.
    """
    own = network.state_dict()
    for name in [*own, *weights]:
        mine = tuple(own[name].shape) if name in own else "absent"
        theirs = tuple(weights[name].shape) if name in weights else "absent"
        if mine != theirs:
            raise ValueError(
                f"{path} is of another architecture than {network.name}: {name} is {theirs} in the file, "
                f"{mine} in the network"
            )
    if not dry:
        network.load_state_dict(weights)


def _flat(value: Any, place: str) -> dict[str, Any]:
    if not isinstance(value, DictConfig):
        return {place: value}
    return {f"{place}.{key!s}": value[key] for key in value}
