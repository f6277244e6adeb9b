"""Hydra applications whose errors are one line."""

import functools
import logging
import os
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException
from omegaconf import DictConfig
from omegaconf.errors import ConfigKeyError, OmegaConfBaseException

from dyninf.configuration import CONF

TRACEBACK = "HYDRA_FULL_ERROR"
FOR_THE_USER = (ValueError, OSError, HydraException, OmegaConfBaseException)


def application(config_name: str) -> Callable[[Callable[[DictConfig], Any]], Callable[[], None]]:
    """Make a command of a function of a config: ``conf/CONFIG_NAME.yaml`` with Hydra's overrides.

    What the user can mend (bad overrides, files, values) ends with one line on stderr and exit code 2;
    HYDRA_FULL_ERROR=1 shows the traceback instead. Anything else is a bug and keeps its traceback.
    """

    def decorate(task: Callable[[DictConfig], Any]) -> Callable[[], None]:
        @functools.wraps(task)
        def tidy(config: DictConfig) -> Any:
            try:
                return task(config)
            except BaseException:
                remove_if_empty(Path(HydraConfig.get().runtime.output_dir))
                raise

        app = hydra.main(version_base="1.3", config_path=str(CONF), config_name=config_name)(tidy)

        @functools.wraps(task)
        def main() -> None:
            if os.environ.get(TRACEBACK) == "1":
                app()
                return
            os.environ[TRACEBACK] = "1"  # makes Hydra raise instead of printing in its own way
            try:
                app()
            except FOR_THE_USER as error:
                print(f"dyninf.{config_name}: error: {one_line(error)}", file=sys.stderr)
                sys.exit(2)

        return main

    return decorate


def one_line(error: BaseException) -> str:
    """The reason of an error without line breaks, and what would be allowed where that is known."""
    if isinstance(error, InstantiationException) and isinstance(error.__cause__, Exception):
        return one_line(error.__cause__)
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, ConfigKeyError) and isinstance(cause.parent_node, DictConfig):
            allowed = sorted(str(key) for key in cause.parent_node)
            return f"no setting {str(cause.full_key)!r}; there are: {', '.join(allowed)}"
        cause = cause.__cause__ or cause.__context__
    text = str(error).split("Config search path:")[0]
    if "Original Traceback" in text:  # an error of a loader's worker arrives with the worker's traceback
        text = text.strip().splitlines()[-1].split(": ", 1)[-1]
    return " ".join(text.split()) or type(error).__name__


def remove_if_empty(folder: Path) -> None:
    """Hydra makes a run's folder before the run starts; leave none behind for a run that never did."""
    while folder.is_dir() and not any(folder.iterdir()) and folder != Path.cwd():
        folder.rmdir()
        folder = folder.parent


def quieten() -> None:
    """Keep Lightning's advice and its use of deprecated torch internals out of a run's output."""
    logging.getLogger("pytorch_lightning.utilities.rank_zero").setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
