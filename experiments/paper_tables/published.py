"""The "Proposed" rows of the paper's tables, and what those tables print of full inference.

The tables are those of `dyninf.report.published`; `classes.csv` is from the slides of Wu et al. 2020 too.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from dyninf.report.published import TABLES

HERE = Path(__file__).resolve().parent
PROPOSED, FULL = "Dynamic inference", "Dynamic inference (full)"


@dataclass(frozen=True)
class Published:
    """A row of a table; figures that the table does not print are None.

    dataset: name of its file in ``conf/dataset``. backbone: as printed. full: whether it is full inference.
    params_m: in millions. gmacs: a video, on average. full_gmacs: full inference of this backbone with 16
    frames, as the same table prints it, of MSDNet-38 itself or of TSM. top1, top5: in percent, as printed.
    """

    dataset: str
    backbone: str
    full: bool
    params_m: float | None
    gmacs: float
    full_gmacs: float | None
    top1: str
    top5: str | None = None

    @property
    def experiment(self) -> str:
        """The file in ``conf/experiment`` that trains it; a full row is of the same training."""
        return f"{self.dataset}_{self.backbone.lower().replace('-', '')}"


def published() -> list[Published]:
    """Every "Proposed" row, table by table; one row a data set where a table has a column for each."""
    return [*_kinetics(), *_ucf101_hmdb51(), *_something()]


def classes() -> dict[str, int]:
    """Number of classes of each data set."""
    return {row["dataset"]: int(row["classes"]) for row in read("classes.csv")}


def read(name: str) -> list[dict[str, str]]:
    """The rows of a CSV file in this folder, or of a table of the paper."""
    place = HERE if (HERE / name).is_file() else TABLES
    with open(place / name, newline="") as file:
        return list(csv.DictReader(file))


def _kinetics() -> Iterator[Published]:
    table = read("kinetics400.csv")
    full = {
        row["backbone"]: float(row["gflops_per_video"])
        for row in table
        if row["system"] == FULL or (row["system"] == "TSM" and row["input"].startswith("16x"))
    }
    for row in _proposed(table):
        backbone = row["backbone"]
        yield Published(
            "kinetics400",
            backbone,
            row["system"] == FULL,
            float(row["params_m"]),
            float(row["gflops_per_video"]),
            full.get(backbone),
            row["top1"],
        )


def _ucf101_hmdb51() -> Iterator[Published]:
    table = read("ucf101_hmdb51.csv")
    full = _tsm_16_frames(table)
    for dataset in ("ucf101", "hmdb51"):
        for row in _proposed(table):
            if row[f"{dataset}_top1"]:
                gmacs, backbone = float(row["gflops_per_video"]), row["backbone"]
                top1 = row[f"{dataset}_top1"]
                yield Published(dataset, backbone, False, None, gmacs, full.get(backbone), top1)


def _something() -> Iterator[Published]:
    table = read("something_something.csv")
    full = _tsm_16_frames(table)
    for version, place in (("v1", 0), ("v2", 1)):
        for row in _proposed(table):
            # "52.8 (v1) / 48.0 (v2)"
            gmacs, backbone = float(row["gflops_per_video"].split(" / ")[place].split()[0]), row["backbone"]
            top1, top5 = row[f"{version}_val_top1"], row[f"{version}_val_top5"]
            yield Published(
                f"something_{version}", backbone, False, None, gmacs, full.get(backbone), top1, top5
            )


def _proposed(table: list[dict[str, str]]) -> list[dict[str, str]]:
    return [row for row in table if row["system"] in (PROPOSED, FULL)]


def _tsm_16_frames(table: list[dict[str, str]]) -> dict[str, float]:
    return {
        row["backbone"]: float(row["gflops_per_video"]) for row in table if row["system"] == "TSM 16 frames"
    }
