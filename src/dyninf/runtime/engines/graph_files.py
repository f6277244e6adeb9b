"""Files of ONNX graphs, written once for a network and read by every engine that reads ONNX."""

from __future__ import annotations

import hashlib
import os
import shutil
from contextlib import ExitStack
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from types import TracebackType

import torch

from dyninf.atomic import atomic_file
from dyninf.grid import Network, Segment, fingerprint
from dyninf.runtime.engines.onnx_graph import write_onnx
from dyninf.version import __version__

CACHE = "DYNINF_CACHE"
FORM = 2
"""Of what is written for a segment; raised with every change to it, so that no older file is taken."""
KEPT_BYTES = 4 * 2**30
"""Of graph files in the cache; the networks that were used longest ago go first."""


def cache_folder() -> Path:
    """``$DYNINF_CACHE``, or dyninf's folder among the user's caches."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(os.environ.get(CACHE) or Path(base) / "dyninf")


class GraphFiles:
    """The graphs of one network, in a folder of the cache, or in a temporary one that goes when the context
    ends.

    network: as it is before its batch norms are folded; None for a temporary folder.
    """

    def __init__(self, network: Network | None = None) -> None:
        self._network = network
        self._temporary = ExitStack()

    def __enter__(self) -> GraphFiles:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._temporary.close()

    def of(self, segment: Segment) -> Path:
        """The file of a segment, written if it is not there."""
        what = (
            FORM,
            type(segment.network.shift).__name__,
            segment.plan,
            segment.output_names,
            torch.__version__,
            __version__,
        )
        path = self._folder / f"{hashlib.sha256(repr(what).encode()).hexdigest()[:16]}.onnx"
        if not path.exists():
            with atomic_file(path) as new:
                write_onnx(segment, new)
        return path

    @cached_property
    def _folder(self) -> Path:
        if self._network is None:
            return Path(self._temporary.enter_context(TemporaryDirectory(prefix="dyninf-graphs-")))
        folder = cache_folder() / "graphs" / fingerprint(self._network)
        folder.mkdir(parents=True, exist_ok=True)
        os.utime(folder)
        _forget_others(folder)
        return folder


def _forget_others(mine: Path) -> None:
    """Remove the graphs of networks that were not used for longest, down to `KEPT_BYTES` of all."""
    ages = {folder: folder.stat().st_mtime for folder in mine.parent.iterdir() if folder.is_dir()}
    total = 0
    for folder in sorted(ages, key=lambda folder: ages[folder], reverse=True):
        total += sum(file.stat().st_size for file in folder.glob("*.onnx"))
        if total > KEPT_BYTES and folder != mine:
            shutil.rmtree(folder, ignore_errors=True)  # another process may be at it
