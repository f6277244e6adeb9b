"""metrics.csv: an epoch a row."""

import csv
from pathlib import Path

import pytest

from dyninf.report import EpochTable


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_what_is_logged_for_an_epoch_is_one_row(tmp_path: Path) -> None:
    table = EpochTable(tmp_path / "run" / "metrics.csv")
    for epoch in (0, 1):
        table.log_metrics({"epoch": epoch, "val/top1": 0.5 + epoch / 10}, step=9 + 10 * epoch)
        table.log_metrics({"epoch": epoch, "train/loss": 2.0 - epoch}, step=9 + 10 * epoch)
    assert rows_of(table.path) == [
        {"epoch": "0", "step": "9", "train/loss": "2.0", "val/top1": "0.5"},
        {"epoch": "1", "step": "19", "train/loss": "1.0", "val/top1": "0.6"},
    ]


def test_what_belongs_to_no_epoch_is_left_to_others(tmp_path: Path) -> None:
    EpochTable(tmp_path / "metrics.csv").log_metrics({"test/full/top1": 0.5})
    assert list(tmp_path.iterdir()) == []


def test_a_training_that_goes_on_keeps_the_epochs_before_and_replaces_those_that_come_again(
    tmp_path: Path,
) -> None:
    first = EpochTable(tmp_path / "metrics.csv")
    for epoch in range(4):
        first.log_metrics({"epoch": epoch, "train/loss": epoch}, step=epoch)
    again = EpochTable(tmp_path / "metrics.csv")
    again.log_metrics({"epoch": 2, "val/loss": 7.0}, step=2)
    found = [(row["epoch"], row["train/loss"], row["val/loss"]) for row in rows_of(again.path)]
    assert found == [("0", "0", ""), ("1", "1", ""), ("2", "", "7.0")]


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "metrics.csv").write_text("name,value\na,1\n")
    with pytest.raises(ValueError, match=r"metrics\.csv is no table of epochs"):
        EpochTable(tmp_path / "metrics.csv")
