"""Several values for a setting on one command line: all in one process, or a job and a folder for each."""

import re
import sys
from collections.abc import Callable, Iterable, Sequence

from hydra import compose
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Glob, Override
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf

from dyninf.configuration import choices

FIXED = "hydra.job.config.override_dirname.exclude_keys"
"""Hydra's own list of settings that say nothing in the name of a job's folder."""

_LONGEST_NAME = 120


def is_multirun(arguments: Sequence[str]) -> bool:
    """Whether a command line asks for a job for each value."""
    return any(word in ("-m", "--multirun") or word.startswith("hydra.mode=") for word in arguments)


def name_jobs_by_what_differs() -> None:
    """Tell Hydra, on this process's command line, which settings of a multirun are the same in all jobs.

    The processes that launchers start know the overrides of their job alone, and the config.
    """
    arguments = sys.argv[1:]
    if not is_multirun(arguments) or any(word.startswith(f"{FIXED}=") for word in arguments):
        return
    keys = [o.key_or_group for o in parsed(arguments) if o.key_or_group and not o.is_sweep_override()]
    fixed = ",".join(f"'{key}'" for key in keys if not key.startswith("hydra"))
    sys.argv.append(f"{FIXED}=[{fixed}]")


def job_folder(number: int, overrides: Iterable[str], fixed: Sequence[str]) -> str:
    """Such as ``3-resnet_small-depth-threshold_0.5``: a job's number and what is its own among overrides.

    fixed: settings that all jobs share. Signs that a shell or Hydra would read as its own become ``_``.
    """
    words = [str(number)]
    for override in overrides:
        key, _, value = override.partition("=")
        key = key.lstrip("+~")
        if key.partition("@")[0] in fixed:
            continue
        value = re.sub(r"[^\w.%+]+", "_", value.rsplit("/", 1)[-1]).strip("_")
        is_choice = "." not in key and re.fullmatch(r"[A-Za-z]\w*", value)
        words.append(value if is_choice else f"{re.split(r'[./]', key)[-1]}_{value}")
    return "-".join(words)[:_LONGEST_NAME]


OmegaConf.register_new_resolver("job_folder", job_folder, replace=True)


def all_in_one_process(group: str, setting: str) -> Callable[[], None]:
    """To be called before Hydra composes: without ``-m``, several choices of a group become a list.

    ``GROUP=a,b`` and ``GROUP=glob(*)`` become ``SETTING=[a,b]``, for commands that take all of them at once.
    With ``-m`` they stay what Hydra makes of them, a job each.
    """

    def gather() -> None:
        if is_multirun(sys.argv[1:]):
            return
        for place, word in enumerate(sys.argv[1:], 1):
            for override in parsed([word]):
                if override.key_or_group == group and override.is_discrete_sweep():
                    value = override.value()
                    names = (
                        value.filter(choices(group))
                        if isinstance(value, Glob)
                        else [*override.sweep_string_iterator()]
                    )
                    sys.argv[place] = f"{setting}=[{','.join(names)}]"

    return gather


def each_choice(config: DictConfig, command: str, group: str, setting: str) -> dict[str, DictConfig]:
    """The group's part of the config, by the choices that a setting lists: ``all``, one or several names.

    Each is composed with the other overrides of the command line, as a job of a multirun would be.

    Raises ValueError for a choice that there is not, or if the group was chosen as well.
    """
    wanted = config[setting]
    names = choices(group) if wanted == "all" else [wanted] if isinstance(wanted, str) else [*wanted]
    for name in names:
        if name not in choices(group):
            raise ValueError(f"{group} {name!r} is unknown; choose from {', '.join(choices(group))}, or all")
    others = [word for word in HydraConfig.get().overrides.task if not word.startswith(f"{setting}=")]
    if any(word.startswith(f"{group}=") for word in others):
        raise ValueError(f"give {group} or {setting}, not both")
    return {name: compose(command, [*others, f"{group}={name}"])[group] for name in dict.fromkeys(names)}


def parsed(arguments: Iterable[str]) -> list[Override]:
    """Those arguments that are overrides; what is wrong with others Hydra says itself."""
    found = []
    for word in arguments:
        try:
            found += OverridesParser.create().parse_overrides([word])
        except HydraException:
            continue
    return found
