"""Runs the package's commands as a user does: a process each, in a working directory of its own.

A Python process that imports torch and Lightning takes seconds to start. `forked`, behind the fixture
`command`, takes its processes from a server that has imported them once. `started` is the real thing,
``python -m dyninf.NAME``: once for each command, and where its command line starts other processes.
"""

import atexit
import importlib
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.entry_points import MODULES

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload([*MODULES.values()])

# One thread a process: many tests run at once. Without a GPU: the same everywhere.
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "COLUMNS": "200",
    "WANDB_MODE": "offline",
    "WANDB_SILENT": "true",
}
UNSET = ("HYDRA_FULL_ERROR",)
REPORTING = ("train", "evaluate", "sweep")
LIMIT_SECONDS = 600  # a command takes seconds; a machine with other work may need longer


@dataclass(frozen=True)
class Finished:
    """What a command left behind: exit code, standard output and standard error."""

    code: int
    out: str
    err: str

    def check(self) -> "Finished":
        """Itself, after asserting that the command ended well."""
        assert self.code == 0, self.err
        return self


def started(name: str, *overrides: str, cwd: Path, **environment: str) -> Finished:
    """``python -m dyninf.NAME OVERRIDES``, without a report unless it is asked for."""
    kept = {key: value for key, value in os.environ.items() if key not in UNSET}
    done = subprocess.run(
        [sys.executable, "-m", f"dyninf.{name}", *_without_report(name, overrides)],
        cwd=cwd,
        env=kept | ENVIRONMENT | environment,
        capture_output=True,
        text=True,
        timeout=LIMIT_SECONDS,
    )
    return Finished(done.returncode, done.stdout, done.stderr)


def forked(
    name: str, *overrides: str, cwd: Path, logs: Path, stdin: str = "", **environment: str
) -> Finished:
    """The same from a process that has imported everything already; its output goes through `logs`."""
    return Begun(name, *overrides, cwd=cwd, logs=logs, stdin=stdin, **environment).wait()


class Begun:
    """A command that `forked` would wait for."""

    def __init__(
        self, name: str, *overrides: str, cwd: Path, logs: Path, stdin: str = "", **environment: str
    ) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        (logs / "in").write_text(stdin)
        self.words, self.logs = f"dyninf.{name} {' '.join(overrides)}", logs
        self.process = _server.Process(target=_run, args=(name, overrides, cwd, logs, environment))
        self.process.start()

    @property
    def pid(self) -> int:
        assert self.process.pid is not None
        return self.process.pid

    def wait(self) -> Finished:
        """What it left behind when it ended."""
        self.process.join(LIMIT_SECONDS)
        if self.process.exitcode is None:
            self.process.kill()
            raise TimeoutError(f"{self.words} took more than {LIMIT_SECONDS} s")
        return Finished(
            self.process.exitcode, (self.logs / "out").read_text(), (self.logs / "err").read_text()
        )


def begun_together(
    name: str, *overrides: str, cwd: Path, logs: Path, processes: int = 2, **environment: str
) -> list[Begun]:
    """Processes of one training, as a cluster would start them."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    of_all = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "WORLD_SIZE": str(processes)}
    return [
        Begun(name, *overrides, cwd=cwd, logs=logs / str(rank), LOCAL_RANK=str(rank), **of_all | environment)
        for rank in range(processes)
    ]


def killed(
    name: str, *overrides: str, cwd: Path, logs: Path, moment: Callable[[float], bool], **environment: str
) -> bool:
    """Whether the same, killed with SIGKILL as soon as it is the moment, had not ended before."""
    logs.mkdir(parents=True, exist_ok=True)
    (logs / "in").write_text("")
    process = _server.Process(target=_run, args=(name, overrides, cwd, logs, environment))
    process.start()
    start = time.monotonic()
    while process.is_alive() and not moment(time.monotonic() - start):
        time.sleep(0.002)
    process.kill()
    process.join()
    return process.exitcode == -signal.SIGKILL


def _run(name: str, overrides: tuple[str, ...], cwd: Path, logs: Path, environment: dict[str, str]) -> None:
    os.dup2(os.open(logs / "in", os.O_RDONLY), 0)
    sys.stdin = os.fdopen(0)  # multiprocessing has shut it
    for descriptor, file in ((1, "out"), (2, "err")):
        os.dup2(os.open(logs / file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC), descriptor)
    for variable in UNSET:
        os.environ.pop(variable, None)
    os.environ |= ENVIRONMENT | environment
    os.chdir(cwd)
    sys.argv = [f"dyninf.{name}", *_without_report(name, overrides)]
    importlib.import_module("torch").set_num_threads(1)
    try:
        importlib.import_module(MODULES[name]).main()
    finally:
        atexit._run_exitfuncs()  # multiprocessing leaves them out, and W&B finishes its files in one


def _without_report(name: str, overrides: tuple[str, ...]) -> list[str]:
    """It takes seconds, and few tests look at it."""
    asked = any(word.startswith("report=") for word in overrides)
    return [*overrides, *(["report=false"] if name in REPORTING and not asked else [])]
