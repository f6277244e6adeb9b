"""Where the traces of runs are found."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from itertools import chain
from pathlib import Path

from dyninf.report.runs import Run
from dyninf.split_name import SplitName
from dyninf.trace import TraceInfo


class Traces:
    """Where the traces of runs are: beside a run, in the run of its checkpoint, or below given folders."""

    def __init__(self, folders: Iterable[Path] = ()) -> None:
        self._folders = list(folders)

    def of(self, run: Run, split: str, homes: Sequence[Path]) -> tuple[Path | None, str]:
        """The folder of the trace of a run's network on a split, or the reason why there is none.

        On ``calibration`` it is of the same data set as the split that was reported.
        """
        reasons = []
        for folder in chain((home / "trace" / split for home in homes), self._below.get(split, ())):
            if not (folder / "trace.json").is_file():
                continue
            try:
                info = TraceInfo.load(folder)
            except ValueError as error:
                reasons.append(str(error))
                continue
            if info.fingerprint != run.summary.get("fingerprint"):
                continue
            if split == "calibration":
                if SplitName.of(info.split).data_set == SplitName.of(run.summary["split"]).data_set:
                    return folder, ""
            elif info.split == run.summary["split"]:
                return folder, ""
        places = " or ".join(str(home) for home in [*homes, *self._folders])
        return None, "; ".join(reasons) or f"no trace of {run.summary['split']} below {places}"

    @cached_property
    def _below(self) -> Mapping[str, list[Path]]:
        """The folders of all traces below the given folders, by their names."""
        found: dict[str, list[Path]] = {}
        for top in self._folders:
            for folder, below, files in os.walk(top):
                below[:] = sorted(name for name in below if name != "wandb" and not name.startswith("."))
                if "trace.json" in files:
                    found.setdefault(Path(folder).name, []).append(Path(folder))
        return found
