"""What a training logs, an epoch a row."""

import csv
from argparse import Namespace
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers.logger import Logger, rank_zero_experiment
from pytorch_lightning.utilities import rank_zero_only

from dyninf.atomic import atomic_file


class EpochTable(Logger):
    """Keeps a CSV file with a row an epoch and a column a metric, of training and validation alike.

    Every run has it, whatever other loggers follow it. A training that goes on in the same folder keeps the
    rows of the epochs before. What is logged without an epoch, such as test figures, is left to others.

    Raises ValueError if the file that is there is none of these.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self._rows: dict[int, dict[str, Any]] = {}
        self._goes_on = path.is_file()
        if self._goes_on:
            with open(path, newline="") as file:
                try:
                    reader = csv.DictReader(file)
                    if "epoch" not in (reader.fieldnames or ()):
                        raise ValueError("it has no epochs")
                    self._rows = {int(row["epoch"]): {**row} for row in reader}
                except (KeyError, TypeError, ValueError, csv.Error) as error:
                    raise ValueError(f"{path} is no table of epochs; give the run another folder") from error

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def version(self) -> str:
        return ""

    @property
    @rank_zero_experiment
    def experiment(self) -> "EpochTable":
        return self

    @rank_zero_only
    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:
        """Add to the epoch's row and write the file."""
        if "epoch" not in metrics:
            return
        epoch = int(metrics["epoch"])
        if self._goes_on:
            self.go_on(epoch)
        row = self._rows.setdefault(epoch, {})
        row |= {"epoch": epoch, "step": step} | {k: v for k, v in metrics.items() if k != "epoch"}
        columns = sorted({column for row in self._rows.values() for column in row} - {"epoch", "step"})
        with atomic_file(self.path) as new, open(new, "w", newline="") as file:
            writer = csv.DictWriter(file, ["epoch", "step", *columns])
            writer.writeheader()
            writer.writerows(self._rows.values())

    @rank_zero_only
    def go_on(self, epoch: int, step: int | None = None) -> None:
        """Forget what an interrupted training wrote of this epoch and later ones, which now come again."""
        self._rows = {before: row for before, row in self._rows.items() if before < epoch}
        self._goes_on = False

    def log_hyperparams(self, params: dict[str, Any] | Namespace, *args: Any, **kwargs: Any) -> None:
        """Nothing: the run has its config in a file of its own."""
