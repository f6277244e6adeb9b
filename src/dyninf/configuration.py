"""Where the Hydra configs are, and objects by the names of their files."""

import inspect
import math
import pydoc
import shlex
from pathlib import Path
from typing import Any, cast

import torch
from hydra.core.hydra_config import HydraConfig
from hydra.errors import InstantiationException
from hydra.types import RunMode
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf

from dyninf.backbones import load_pretrained
from dyninf.grid import Network
from dyninf.trace import Promise, Recording, Share

_PACKAGE = Path(__file__).resolve().parent
_INSTALLED = _PACKAGE / "conf"
CONF = _INSTALLED if _INSTALLED.is_dir() else _PACKAGE.parents[1] / "conf"
"""``conf/`` beside the modules in a wheel, at the top of the repository in an editable install."""


def command() -> str:
    """What repeats this process's run, or job of a multirun, in another folder; one line for a shell.

    Empty where no command was given, as in a notebook, or it has a line break inside.
    """
    if not HydraConfig.initialized():
        return ""
    hydra = HydraConfig.get()
    words = [word for word in hydra.overrides.task if not word.startswith("output=")]
    line = shlex.join(["python", "-m", f"dyninf.{hydra.job.config_name}", *words])
    return line if line.isprintable() else ""


def comparison() -> str | None:
    """What jobs that are to be compared share: the folder of a multirun, else an experiment's name."""
    if not HydraConfig.initialized():
        return None
    hydra = HydraConfig.get()
    if hydra.mode == RunMode.MULTIRUN:
        return str(hydra.sweep.dir)
    return cast(str | None, hydra.runtime.choices.get("experiment"))


OmegaConf.register_new_resolver("comparison", comparison, replace=True)


def choices(group: str) -> list[str]:
    """Names of the files in ``conf/group``."""
    return sorted(path.stem for path in (CONF / group).glob("*.yaml"))


def number(config: DictConfig, key: str, least: float) -> float:
    """A setting that has to be a finite number of at least `least`; ValueError that names it otherwise."""
    value = config[key]
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= least:
        raise ValueError(f"{key} must be a number of at least {least}, got {value!r}")
    if value == math.inf:
        raise ValueError(f"{key} must be a finite number, got {value!r}")
    return value


def whole_number(config: DictConfig, key: str, least: int) -> int:
    """A setting that has to be a whole number of at least `least`; ValueError that names it otherwise."""
    value = number(config, key, least)
    if value != int(value):
        raise ValueError(f"{key} must be a whole number, got {value!r}")
    return int(value)


def yes_or_no(config: DictConfig, key: str) -> bool:
    """A setting that has to be true or false; ValueError that names it otherwise."""
    value = config[key]
    if not isinstance(value, bool):
        raise ValueError(f"{key} must be true or false, got {value!r}")
    return value


def device_named(name: str | None) -> str:
    """``cpu`` or ``cuda``; None takes cuda where there is one. ValueError for one that is not there."""
    there = ["cpu", "cuda"] if torch.cuda.is_available() else ["cpu"]
    if name is None:
        return there[-1]
    if name not in there:
        raise ValueError(f"device {name!r} is not there; choose from {', '.join(there)}")
    return name


def load_group(group: str, name: str) -> DictConfig:
    """One file of a group; ValueError that lists the group's files if there is none of that name."""
    if name not in choices(group):
        raise ValueError(f"{group} {name!r} is unknown; choose one of {', '.join(choices(group))}")
    config = OmegaConf.load(CONF / group / f"{name}.yaml")
    assert isinstance(config, DictConfig)
    return config


def with_defaults(config: DictConfig) -> DictConfig:
    """An object's config with every setting of its class; one that is not there gets the class's default.

    So a setting that is newer than a saved config can be given all the same. Bases count where a class hands
    its keyword arguments on to them.
    """
    defaults: dict[str, Any] = {}
    found = pydoc.locate(str(config.get("_target_")))
    for kind in found.__mro__ if isinstance(found, type) else ():
        if "__init__" not in vars(kind):
            continue
        parameters = inspect.signature(kind.__init__).parameters.values()  # type: ignore[misc]
        defaults = {p.name: p.default for p in parameters if p.default is not p.empty} | defaults
        if not any(p.kind is p.VAR_KEYWORD for p in parameters):
            break
    filled: dict[str, Any] = defaults | {str(key): value for key, value in config.items()}
    return OmegaConf.create(filled)


def plain(config: DictConfig) -> dict[str, Any]:
    """A config as Python's own dicts and lists, with nothing left to look up."""
    return cast(dict[str, Any], OmegaConf.to_container(config, resolve=True))


def make(config: DictConfig, **more: Any) -> Any:
    """The object that a config's ``_target_`` names; lists and dicts arrive as Python's own.

    Raises the ValueError that the object's own class raised, without Hydra's words around it.
    """
    try:
        return instantiate(config, _convert_="all", **more)
    except InstantiationException as error:
        if isinstance(error.__cause__, ValueError):
            raise error.__cause__ from None
        raise


def make_promise(config: DictConfig) -> Promise:
    """What a command's settings ask of thresholds; ValueError that names one that makes no sense."""
    return Promise(
        config.max_drop,
        config.budget,
        config.solver,
        confidence=config.confidence,
        risk=config.risk,
        temperature_scaling=yes_or_no(config, "temperature_scaling"),
    )


def make_recording(config: DictConfig, share: Share) -> Recording:
    """How a command's settings want traces to be recorded; ValueError that names one that makes no sense."""
    return Recording(str(config.trace_logits), whole_number(config, "trace_shard", least=1), share)


def build_network(
    backbone: str,
    scheme: str,
    num_classes: int,
    num_frames: int,
    *,
    pretrained: str | Path | None = None,
    **overrides: Any,
) -> Network:
    """A network from the names of files in ``conf/backbone`` and ``conf/scheme``.

    pretrained: a file of weights to start from; `load_pretrained` does the same and tells what fitted.
    overrides: replace what those files say, such as ``groups=2``, ``shift="none"`` or ``dropout=0.5``.

    Raises ValueError for a name or an override that the files do not have, for a scheme that does not fit,
    and for weights that do not; FileNotFoundError if there is no file of them.
    """
    backbone_config = load_group("backbone", backbone)
    scheme_config = load_group("scheme", scheme).scheme
    for key, value in overrides.items():
        places = [config for config in (scheme_config, backbone_config) if key in config]
        if not places or key.startswith("_"):
            allowed = sorted(str(k) for k in {*scheme_config, *backbone_config} if not str(k).startswith("_"))
            raise ValueError(
                f"{key!r} is no setting of {backbone} or {scheme}; choose from {', '.join(allowed)}"
            )
        if len(places) > 1:
            raise ValueError(f"{key!r} is a setting of both {backbone} and {scheme}; change it in a file")
        OmegaConf.update(places[0], key, value, merge=False)
    network = Network(make(backbone_config), make(scheme_config), num_classes, num_frames)
    if pretrained is not None:
        load_pretrained(network, pretrained)
    return network
