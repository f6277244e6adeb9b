"""What a config out of a file may make: networks and data sets of this package, and nothing else.

Hydra calls whatever a ``_target_`` names, wherever it stands in a config. A file from a stranger must not get
to choose.
"""

import importlib
import inspect
import re
import typing
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, ListConfig, OmegaConf

KINDS = {
    "backbone": "dyninf.backbones:dyninf.grid.Backbone",
    "scheme": "dyninf.grid:dyninf.grid.Scheme",
    "dataset": "dyninf.data:dyninf.data.VideoDataModule",
}
"""By the part of a config: the room whose code may make it, and the class that it has to be."""
DEEPEST = 40
"""Levels of a config; a value that holds itself has no end of them."""


def check_targets(config: Any, source: Path | str) -> None:
    """Raise ValueError that names the place unless a config's network and data set are made by our code.

    Each is named by a class of its kind in its room, or by a function there that says it returns one; nothing
    below it is made by a name. source: where the config is from, to be named.
    """
    for group, kind in KINDS.items():
        part = _plain(config.get(group))
        if not isinstance(part, Mapping):
            raise ValueError(f"{source} has no {group}")
        target = part.get("_target_", "")
        if not _makes(target, kind):
            room, name = kind.split(":")[0], kind.rsplit(".", 1)[1]
            raise ValueError(
                f"{source} names {target!r} as its {group}, which is no {name} of dyninf: a config may name "
                f"only classes in {room}, or functions there that say they return one, so that no file "
                "chooses what runs"
            )
        for place, key, value in _entries(part, group, source):
            if key in ("_target_", "_partial_", "_args_") and place != f"{group}._target_":
                raise ValueError(f"{source} names {value!r} at {place}, where nothing is made by a name")


def check_plain(config: Any, source: Path | str) -> None:
    """Raise ValueError that names the place if a config would look something up when it is read.

    Configs are saved with everything looked up; what is left may read the environment of who opens the file.
    Raises it too for values nested so deeply that no config has them.
    """
    for place, _, value in _entries(_plain(config), "", source):
        if isinstance(value, str) and re.search(r"(?<!\\)\${", value):
            raise ValueError(
                f"{source} asks for {value!r} at {place.lstrip('.')}; saved configs have plain values"
            )


def _makes(target: Any, kind: str) -> bool:
    room, _, wanted = kind.partition(":")
    module_name, _, name = str(target).rpartition(".")
    inside = re.fullmatch(rf"{re.escape(room)}(\.[a-z_0-9]+)*", module_name)
    if not isinstance(target, str) or not inside or not name.isidentifier():
        return False
    try:
        found = getattr(importlib.import_module(module_name), name)
    except (ImportError, AttributeError):
        return False
    wanted_module, _, wanted_name = wanted.rpartition(".")
    base = getattr(importlib.import_module(wanted_module), wanted_name)
    if inspect.isfunction(found) and found.__module__.startswith(f"{room}."):
        found = typing.get_type_hints(found).get("return")
    return inspect.isclass(found) and issubclass(found, base)


def _plain(config: Any) -> Any:
    if isinstance(config, (DictConfig, ListConfig)):
        return OmegaConf.to_container(config, resolve=False)
    return config


def _entries(value: Any, place: str, source: Path | str, depth: int = 0) -> Iterator[tuple[str, str, Any]]:
    """Every value below a plain one with its place and its key."""
    if depth > DEEPEST:
        raise ValueError(f"{source} has values more than {DEEPEST} deep at {place.lstrip('.')[:80]}…")
    if isinstance(value, Mapping):
        for key, one in value.items():
            yield f"{place}.{key}", str(key), one
            yield from _entries(one, f"{place}.{key}", source, depth + 1)
    elif isinstance(value, Sequence) and not isinstance(value, (str, bytes)):
        for number, one in enumerate(value):
            yield f"{place}[{number}]", "", one
            yield from _entries(one, f"{place}[{number}]", source, depth + 1)
