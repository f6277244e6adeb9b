"""What the studies of killed commands share: their command line, and a table with a row a trial.

Each trial can be repeated from the seed and its number.
"""

import argparse
import csv
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent

Row = dict[str, object]


@dataclass(frozen=True)
class Trial:
    """number: from 0. generator: draws what is drawn of it. folder: its own, empty."""

    number: int
    generator: random.Random
    folder: Path


def study(name: str, about: str, begin: Callable[[Path], Callable[[Trial], Row]], trials: int = 25) -> None:
    """Run trials, and write ``experiments/faults/NAME.csv`` as they go; ends with code 1 where one differed.

    Args:
        name: of the table.
        about: what the study does, in a line.
        begin: gets a folder, does there what all trials are held against, and gives what a trial is. Its row
            has "identical", which is true or false; all rows have the same keys.
        trials: unless the command line says otherwise.
    """
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--trials", type=int, default=trials)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--table", type=Path, default=HERE / f"{name}.csv")
    parser.add_argument(
        "--folder", type=Path, help="keeps what the trials leave; a temporary one when absent"
    )
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary)
        rows = run_trials(begin, folder, given.trials, given.seed, given.table)
    same = sum(bool(row["identical"]) for row in rows)
    print(f"{same} of {len(rows)} identical; {given.table}")
    sys.exit(same < len(rows))


def run_trials(
    begin: Callable[[Path], Callable[[Trial], Row]], folder: Path, trials: int, seed: int, table: Path
) -> list[Row]:
    """The rows of the trials, which are in the table too."""
    folder.mkdir(parents=True, exist_ok=True)
    run = begin(folder)
    rows: list[Row] = []
    for number in range(trials):
        own = folder / f"{number:02d}"
        own.mkdir()
        row = {"trial": number} | run(Trial(number, random.Random(f"{seed}-{number}"), own))
        rows.append(row)
        print(", ".join(f"{key} {value}" for key, value in row.items()), flush=True)
        with table.open("w", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
    return rows
