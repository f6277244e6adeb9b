"""Everything that a run logs, a row each time, in a CSV file."""

import csv
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml
from pytorch_lightning.loggers.logger import Logger, rank_zero_experiment
from pytorch_lightning.utilities import rank_zero_only

from dyninf.atomic import atomic_file

EPOCH, STEP = "epoch", "step"


class CsvLog(Logger):
    """Writes ``SAVE_DIR/NAME/version_N/metrics.csv``, with the config beside it in ``hparams.yaml``.

    The file is whole at any time, and has what was logged before the last `save`.

    Args:
        save_dir, name: where the versions lie.
        version: its number; None for the one after those that are there, or the last of them with `resume`.
        resume: a training that goes on keeps the rows of its version up to there; one that begins anew, none.
    """

    def __init__(
        self, save_dir: str | Path, name: str = "logs", version: int | None = None, resume: bool = False
    ) -> None:
        super().__init__()
        self._name = name
        folder = Path(save_dir) / name
        there = [int(path.name[8:]) for path in folder.glob("version_*") if path.name[8:].isdigit()]
        self._version = version if version is not None else max(there, default=-1) + (not (resume and there))
        self.path = folder / f"version_{self._version}" / "metrics.csv"
        self._rows: list[dict[str, Any]] = []
        self._config: dict[str, Any] = {}

    @property
    def name(self) -> str:
        return self._name

    @property
    def version(self) -> int:
        return self._version

    @property
    @rank_zero_experiment
    def experiment(self) -> "CsvLog":
        return self

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add a row. Figures of the end have no step; they get that of the first row."""
        self._rows.append({**metrics, STEP: 0 if step is None else step})

    @rank_zero_only
    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Write the config."""
        self._config |= vars(params) if isinstance(params, Namespace) else params
        with atomic_file(self.path.with_name("hparams.yaml")) as new:
            new.write_text(yaml.safe_dump(self._config), encoding="utf-8")

    @rank_zero_only
    def save(self) -> None:
        """Write the table."""
        if not self._rows:
            return
        columns = sorted({column for row in self._rows for column in row})
        with atomic_file(self.path) as new, new.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(self._rows)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        self.save()

    @rank_zero_only
    def go_on(self, epoch: int, step: int) -> None:
        """Keep the rows of before a step that are of the training; those of an assessment come again."""
        if not self.path.is_file():
            return
        with self.path.open(newline="", encoding="utf-8") as file:
            rows = [{k: v for k, v in row.items() if v} for row in csv.DictReader(file)]
        self._rows = [row for row in rows if int(row[STEP]) < step and _is_of_training(row)]


def _is_of_training(row: Mapping[str, str]) -> bool:
    """The figures of an epoch have its number; besides them there are learning rates."""
    return EPOCH in row or all(column.startswith("lr-") for column in row.keys() - {STEP})
