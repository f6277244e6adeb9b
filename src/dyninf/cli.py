"""Hydra applications whose errors are one line."""

import errno
import functools
import logging
import os
import secrets
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import Any

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException, InstantiationException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import (
    ConfigAttributeError,
    ConfigKeyError,
    MissingMandatoryValue,
    OmegaConfBaseException,
)

from dyninf.atomic import CannotWrite
from dyninf.configuration import CONF, make
from dyninf.multirun import name_jobs_by_what_differs
from dyninf.policies import Policy
from dyninf.trace import FittedPolicy
from dyninf.trace.recording import SHARDS

TRACEBACK = "HYDRA_FULL_ERROR"
FOR_THE_USER = (ValueError, OSError, HydraException, OmegaConfBaseException)
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS)  # never met in reading
# Torch cannot build this one again from its message and raises a RuntimeError instead.
FROM_A_WORKER = "Caught VideoError in DataLoader worker"


class ExitCode(int):
    """What a command returns to end with a code other than 0, having done and said what it could."""


class Refused(BaseException):
    """Takes its cause past Hydra, which would announce an exception with a line of its own."""


def application(
    config_name: str, before: Callable[[], None] = lambda: None
) -> Callable[[Callable[[DictConfig], Any]], Callable[[], None]]:
    """Make a command of a function of a config: ``conf/CONFIG_NAME.yaml`` with Hydra's overrides.

    What the user can mend (bad overrides, files, values) ends with one line on stderr and exit code 2;
    HYDRA_FULL_ERROR=1 shows the traceback instead. Anything else is a bug and keeps its traceback. A function
    that returns an `ExitCode` chooses the code itself; of the jobs of a multirun the largest counts.

    In configs ``${scratch:}`` is a folder that is removed when the command ends.

    before: called before Hydra composes the config, its errors are treated the same.
    """

    def decorate(task: Callable[[DictConfig], Any]) -> Callable[[], None]:
        codes = [ExitCode(0)]

        @functools.wraps(task)
        def tidy(config: DictConfig) -> Any:
            folder = Path(HydraConfig.get().runtime.output_dir)
            was_empty = not any(folder.iterdir())
            try:
                result = task(config)
                if isinstance(result, ExitCode):
                    codes.append(result)
                return result
            except BaseException as error:
                mendable = is_for_the_user(error)
                if is_first_process():
                    if mendable and was_empty and folder != Path.cwd() and not has_results(folder):
                        shutil.rmtree(folder, ignore_errors=True)
                        folder = folder.parent
                    remove_if_empty(folder)
                if not mendable or HydraConfig.get().mode == RunMode.MULTIRUN:
                    raise  # in a multirun Hydra goes on with the other jobs, then tells which one failed
                raise Refused from error

        app = hydra.main(version_base="1.3", config_path=str(CONF), config_name=config_name)(tidy)

        @functools.wraps(task)
        def main() -> None:
            wants_traceback = os.environ.get(TRACEBACK) == "1"
            os.environ[TRACEBACK] = "1"  # makes Hydra raise instead of printing in its own way
            try:
                with ExitStack() as stack:
                    offer_scratch(stack)
                    before()
                    name_jobs_by_what_differs()
                    app()
                if code := max(codes):
                    sys.exit(code)
                return
            except Refused as refused:
                error = refused.__cause__
            except KeyboardInterrupt as interrupt:
                line = "; ".join(["interrupted", *map(str, interrupt.args)])
                print(f"dyninf.{config_name}: {line}", file=sys.stderr)
                sys.exit(130)
            except Exception as found:
                error = found
            assert error is not None
            if wants_traceback or not is_for_the_user(error):
                raise error
            print(f"dyninf.{config_name}: error: {one_line(error, config_name)}", file=sys.stderr)
            sys.exit(2)

        return main

    return decorate


def offer_scratch(stack: ExitStack) -> None:
    """Make ``${scratch:}`` a temporary folder, which Hydra makes and `stack` removes when it closes.

    Only its name is told, since the processes of launchers get resolvers with what these refer to.
    """
    folder = str(Path(tempfile.gettempdir()) / f"dyninf-{secrets.token_hex(8)}")
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    OmegaConf.register_new_resolver("scratch", lambda: folder, replace=True)


def file_of_job(config: DictConfig, key: str) -> Path | None:
    """The file that a setting names, None for null.

    Raises ValueError if every job of a multirun would write the same one.
    """
    if config[key] is None:
        return None
    if HydraConfig.get().mode == RunMode.MULTIRUN and not OmegaConf.is_interpolation(config, key):
        raise ValueError(
            f"every job would write {key}={config[key]}; put what differs into the name, "
            f"such as {key}='${{backbone.name}}-${{scheme.name}}.json'"
        )
    return Path(str(config[key]))


def policy_of(config: DictConfig) -> Policy | FittedPolicy:
    """What ``policy_file`` holds, or the policy that the settings make.

    Raises ValueError if settings that the file decides were given as well.
    """
    if config.policy_file is None:
        policy: Policy = make(config.policy)
        return policy
    keys = [override.split("=")[0].lstrip("+~") for override in HydraConfig.get().overrides.task]
    promise = ("max_drop", "confidence", "risk", "budget", "solver", "temperature_scaling")
    decided = ("policy", "policies", *promise, "calibration")
    given = [key for key in keys if key.split(".")[0] in decided]
    if given:
        raise ValueError(f"give policy_file or {given[0]}, not both: the file has its policy and thresholds")
    return FittedPolicy.load(config.policy_file)


def names_folder(words: Iterable[str]) -> bool:
    """Whether a command line says where its run's folder is; else a process takes one named by the time."""
    return any(word.startswith(("output=", "hydra.run.dir=")) for word in words)


def is_for_the_user(error: BaseException) -> bool:
    """Whether an error is about what the user gave, not about the program."""
    return isinstance(error, FOR_THE_USER) or str(error).startswith(FROM_A_WORKER)


def one_line(error: BaseException, config_name: str) -> str:
    """The reason of an error without line breaks, and what would be allowed where that is known."""
    if isinstance(error, InstantiationException) and isinstance(error.__cause__, (ValueError, OSError)):
        return one_line(error.__cause__, config_name)
    for cause in causes(error):
        if isinstance(cause, MissingMandatoryValue):
            return f"{cause.full_key} is needed: {cause.full_key}=VALUE"
        if isinstance(cause, (ConfigKeyError, ConfigAttributeError)) and isinstance(
            cause.parent_node, DictConfig
        ):
            allowed = sorted(str(key) for key in cause.parent_node)
            return f"no setting {str(cause.full_key)!r}; there are: {', '.join(allowed)}"
    if isinstance(error, OSError) and error.errno in FULL and error.filename is not None:
        return str(CannotWrite(Path(str(error.filename2 or error.filename)), error.errno))
    text = str(error).split("Config search path:")[0]
    if isinstance(error, OverrideParseException):
        text = f"{error.override!r} is no KEY=VALUE: {text}"
    if "No match in the defaults list" in text:
        text = f"{text.splitlines()[0]} The groups of dyninf.{config_name}: {', '.join(groups(config_name))}"
    if "Original Traceback" in text:  # an error of a loader's worker arrives with the worker's traceback
        text = text.strip().splitlines()[-1].split(": ", 1)[-1]
    return " ".join(text.split()) or type(error).__name__


def causes(error: BaseException) -> list[BaseException]:
    """The error, what it came from, what that came from; each once, since such chains can be rings."""
    chain: list[BaseException] = []
    found: BaseException | None = error
    while found is not None and found not in chain:
        chain.append(found)
        found = found.__cause__ or found.__context__
    return chain


def groups(config_name: str) -> list[str]:
    """The config groups of a command."""
    entries = OmegaConf.load(CONF / f"{config_name}.yaml").defaults
    names = [str(name) for entry in entries if isinstance(entry, DictConfig) for name in entry]
    return sorted(name for name in names if " " not in name and name != "hydra_settings")


def is_first_process() -> bool:
    """Whether this is the only process of a run, or the one that the others follow."""
    return all(os.environ.get(name, "0") == "0" for name in ("RANK", "LOCAL_RANK", "SLURM_PROCID"))


def has_results(folder: Path) -> bool:
    """Whether a run that failed left something that took time: a checkpoint, a trace or a shard of one."""
    return any(any(folder.rglob(pattern)) for pattern in ("*.ckpt", "trace.json", SHARDS))


def remove_if_empty(folder: Path) -> None:
    """Hydra makes a run's folder before the run starts; leave none behind for a run that never did."""
    kept = (Path.cwd(), Path(tempfile.gettempdir()))
    with suppress(OSError):  # the error that is being reported matters more
        while folder.is_dir() and not any(folder.iterdir()) and folder not in kept:
            folder.rmdir()
            folder = folder.parent


def quieten() -> None:
    """Keep Lightning's advice and its use of deprecated torch internals out of a run's output."""
    for name in ("pytorch_lightning.utilities.rank_zero", "lightning_fabric.utilities.distributed"):
        logging.getLogger(name).setLevel(logging.WARNING)
    warnings.filterwarnings("ignore", message=".*isinstance.treespec, LeafSpec.*")
    warnings.filterwarnings("ignore", message=".*does not have many workers.*")
    # The modules put the processes' figures together before they log them.
    warnings.filterwarnings("ignore", message=".*recommended to use `self.log.*sync_dist=True.*")
    # A training that goes on does so in its own folder.
    warnings.filterwarnings("ignore", message=".*Checkpoint directory.*exists and is not empty.*")
    # The order of training clips knows where to begin, and which process it is for.
    warnings.filterwarnings("ignore", message=".*your dataloader is not resumable.*")
    # Of 1 x 1 convolutions, whose layouts are all the same.
    warnings.filterwarnings("ignore", message="(?s).*Grad strides do not match bucket view strides.*")
    # What `SkippingLoader` gives for a batch that nothing is left of; skipped.csv names its videos.
    warnings.filterwarnings("ignore", message=".*train_dataloader yielded None.*")
