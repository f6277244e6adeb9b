"""Predictions by workers of Ray (https://ray.io): processes here or on a cluster, any of which may be killed.

Each worker has the network and answers one shard after the other, as a single process does. This process
hands the shards out (`predicting_crew`) and writes what comes back.
"""

from __future__ import annotations

import math
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from dyninf import checkpoint_file
from dyninf.data.processes import cores
from dyninf.grid import Network, fingerprint
from dyninf.json_file import brief
from dyninf.predicting_crew import Answers, Crew
from dyninf.predicting_shards import names_folder
from dyninf.predicting_work import Work
from dyninf.report import Annotator, ListedRows, Rows, ShardRows, Totals
from dyninf.runtime import choose_engine, engine_named, stops_of

OBJECT_STORE_BYTES = 80 * 2**20
"""Of a Ray that is started here, near the least that it takes: rows are small, /dev/shm may be too."""

LONGEST_FOLDER = 40
"""Bytes of the name of the folder where its sockets lie, since the names of these have 107 at most."""


class OnRay:
    """Answers in workers of Ray.

    address: of a cluster that runs, such as ``auto`` or ``HOST:6379``, whose machines have dyninf, the
        checkpoint and the videos under the same paths; None: on this machine, in a Ray that ends with the
        command.
    workers: how many; None: as many as there are CPUs, or GPUs, for.
    cpus, gpus: that a worker takes; gpus None: 1 where the network is to run on one. With 0.5 two share one.
    retries: how often a shard whose worker is lost is given to another, before its videos are tried one by
        one, and then each of those.

    Raises ValueError if a number is out of its range, or Ray is missing.
    """

    def __init__(
        self,
        address: str | None = None,
        workers: int | None = None,
        cpus: int = 1,
        gpus: float | None = None,
        retries: int = 1,
    ) -> None:
        for name, value, least in (("workers", workers, 1), ("cpus", cpus, 1), ("retries", retries, 0)):
            if value is not None and (type(value) is not int or value < least):
                raise ValueError(f"engine.{name} must be a whole number of at least {least}, got {value!r}")
        if gpus is not None and (isinstance(gpus, bool) or not isinstance(gpus, (int, float)) or gpus < 0):
            raise ValueError(f"engine.gpus must be a number of at least 0, got {gpus!r}")
        if find_spec("ray") is None:
            raise ValueError("engine=ray needs Ray, which is not there: pip install 'dyninf[ray]'")
        self.address, self.workers, self.cpus, self.gpus, self.retries = address, workers, cpus, gpus, retries

    def check(self, output: Path | None, annotate: Path | None) -> None:
        """Raise ValueError if the output is no folder, or annotated copies are asked for."""
        if output is None or not names_folder(output):
            got = "output is missing" if output is None else f"not {output}"
            raise ValueError(f"engine=ray writes a folder of Parquet files: give output=FOLDER; {got}")
        if annotate is not None:
            raise ValueError("engine=ray writes no annotated copies; leave out annotate, or engine=ray")

    def ready(
        self, work: Work, network: Network, annotator: Annotator | None = None
    ) -> Callable[[Rows], Totals]:
        """What fills the rows of shards. Raises ValueError if the work cannot be done with the network."""
        assert annotator is None, "see `check`"
        device = "cuda" if self.gpus else work.device
        work = replace(work, device=device, runtime=self._runtime(work, network, device)).on(())
        return lambda rows: self._predict(work, fingerprint(network), rows)

    def _runtime(self, work: Work, network: Network, device: str) -> str:
        """One for all workers, which are to agree: measured here where it is to be measured."""
        if work.runtime != "auto":
            return engine_named(work.runtime).name
        if device != "cpu":
            return "eager"
        crop, stops = (
            work.source.datamodule.test_transform.crop,
            stops_of(work.policy, len(network.checkpoints)),
        )
        threads = torch.get_num_threads()
        torch.set_num_threads(self.cpus)
        try:
            return choose_engine(network, crop, crop, work.batch, stops, _say).engine
        finally:
            torch.set_num_threads(threads)

    def _predict(self, work: Work, network: str, rows: Rows) -> Totals:
        assert isinstance(rows, ShardRows), "see `check`"
        gpus = float(work.device == "cuda") if self.gpus is None else self.gpus
        shards, begin = rows.shards, time.perf_counter()
        totals = Totals(kept=len(rows.done), kept_errors=rows.errors)
        if shards.left:
            with self._started(len(shards.left), gpus) as (ray, workers):
                hired = ray.remote(Worker).options(num_cpus=self.cpus, num_gpus=gpus)
                crew = Crew(ray, lambda: hired.remote(work, network), shards, self.retries, totals, _say)
                crew.work(workers)
        totals.seconds = time.perf_counter() - begin
        return totals

    @contextmanager
    def _started(self, shards: int, gpus: float) -> Iterator[tuple[Any, int]]:
        """Ray, and the number of workers that there are to be. What was started here ends with the block."""
        _set_defaults()
        import ray

        quiet: dict[str, Any] = {"log_to_driver": False, "configure_logging": False, "logging_level": "ERROR"}
        with tempfile.TemporaryDirectory(prefix="dyninf-", dir=_place()) as folder:
            try:
                if self.address is None:
                    workers = min(
                        self.workers or self._room(cores(), torch.cuda.device_count(), gpus), shards
                    )
                    ray.init(
                        "local",
                        num_cpus=workers * self.cpus,
                        num_gpus=math.ceil(workers * gpus),
                        include_dashboard=False,
                        object_store_memory=OBJECT_STORE_BYTES,
                        _temp_dir=folder,
                        **quiet,
                    )
                else:
                    ray.init(self.address, **quiet)
                    there = ray.cluster_resources()
                    room = self._room(there.get("CPU", 0), there.get("GPU", 0), gpus)
                    workers = min(self.workers or room, shards)
                yield ray, workers
            except ConnectionError as error:
                raise OSError(f"no Ray cluster at engine.address={self.address}: {brief(error)}") from error
            finally:
                ray.shutdown()

    def _room(self, cpus: float, gpus_there: float, gpus: float) -> int:
        """How many workers fit; at least one, which waits where there is no room for it."""
        room = cpus // self.cpus if not gpus else min(cpus // self.cpus, gpus_there // gpus)
        return max(int(room), 1)


class Worker:
    """An actor of Ray: the network, made ready once, and answers for one list of videos after the other."""

    def __init__(self, work: Work, network: str) -> None:
        self._work, self._expected = work, network

    def begin(self) -> None:
        """Read the network. Raises ValueError if it is not that of who sent the work."""
        network = checkpoint_file.read(self._work.checkpoint).network()
        if (found := fingerprint(network)) != self._expected:
            raise ValueError(
                f"{self._work.checkpoint} is another file on a worker: its network has the fingerprint "
                f"{found}, not {self._expected}"
            )
        self._runner = self._work.runner(network)

    def answer(self, videos: Sequence[Path]) -> Answers:
        """The rows of these videos, as a single process has them."""
        rows = ListedRows()
        totals = self._work.on(videos).answer(self._runner, rows)
        return rows.rows, totals


def _set_defaults() -> None:
    """Where nothing else is set, Ray tells its makers nothing, and takes work from this command alone.

    It reads them when it is imported.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # The crew says it, and not where the results are printed.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", "A worker died or was killed")
    if "RAY_AUTH_MODE" not in os.environ:
        os.environ |= {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}


def _place() -> str:
    folder = tempfile.gettempdir()
    return folder if len(os.fsencode(folder)) <= LONGEST_FOLDER else "/tmp"


def _say(text: str) -> None:
    print(text, file=sys.stderr)
