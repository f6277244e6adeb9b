"""Points that others published: the result tables of Wu et al. 2020 (slides, cleaned), with what they quote.

GMACs are what the tables call GFLOPs: of one video, all its clips.
"""

import csv
from dataclasses import dataclass
from pathlib import Path

TABLES = Path(__file__).resolve().parent
SOURCE = "Wu et al. 2020, arXiv 2002.03342, result tables of the slides"
OWN = "Dynamic inference"
"""What the tables call the paper's own rows."""


@dataclass(frozen=True)
class PublishedPoint:
    """One row of a table. top1: in [0, 1]. own: of the paper itself; others are quoted there."""

    dataset: str
    system: str
    backbone: str
    gmacs: float
    top1: float
    own: bool
    source: str = SOURCE


def table(name: str) -> list[dict[str, str]]:
    """The rows of a file here."""
    with open(TABLES / name, newline="") as file:
        return list(csv.DictReader(file))


def published_points() -> list[PublishedPoint]:
    """Every row that has a cost and an accuracy; one a data set where a table has a column for each."""
    columns = [
        ("kinetics400.csv", "Kinetics-400", "top1", 0),
        ("something_something.csv", "Something-Something v1", "v1_val_top1", 0),
        ("something_something.csv", "Something-Something v2", "v2_val_top1", 1),
        ("ucf101_hmdb51.csv", "UCF-101", "ucf101_top1", 0),
        ("ucf101_hmdb51.csv", "HMDB-51", "hmdb51_top1", 0),
    ]
    points = []
    for file, dataset, column, place in columns:
        for row in table(file):
            costs = row["gflops_per_video"].split(" / ")  # such as "52.8 (v1) / 48.0 (v2)"
            cost = costs[min(place, len(costs) - 1)].split()
            if not cost or not row[column]:
                continue
            clips = row.get("clips", "1")
            system = row["system"] if clips == "1" else f"{row['system']}, {clips} clips"
            points.append(
                PublishedPoint(
                    dataset,
                    system,
                    row["backbone"],
                    float(cost[0]),
                    float(row[column]) / 100,
                    row["system"].startswith(OWN),
                )
            )
    return points
