"""Many runs in one table."""

import csv
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from dyninf.atomic import atomic_file
from dyninf.report.figures import save_runs
from dyninf.report.plain_table import PlainTable
from dyninf.report.runs import FACTS, FIGURES, read_runs, run_rows

Rows = list[dict[str, Any]]
_HEADINGS = dict(
    zip(FIGURES, ("top-1 full", "top-1 dynamic", "GMACs full", "GMACs dynamic", "share of full"), strict=True)
)


def report_runs(root: Path, output: Path) -> Rows:
    """Collect the runs of train and evaluate below `root`, at any depth.

    ``runs.csv`` has a row a run: what was set, every setting in which the runs differ, what came out, and
    whether it is Pareto-optimal: none on the same data is as accurate and cheaper, or more accurate and no
    dearer; rows that see the labels neither count nor win. ``settings.csv`` has the mean and the standard
    deviation over seeds. ``runs.md`` has both as tables, and what is broken or unfinished with the reason;
    ``runs.png`` draws accuracy against cost. Tables are printed too.

    Raises FileNotFoundError or ValueError as `read_runs`.
    """
    runs, broken = read_runs(root)
    rows, settings = run_rows(runs)
    over_seeds = seed_rows(rows, settings)
    set_columns = _setting_columns(settings)
    spread = [f"{figure}_{of}" for figure in FIGURES for of in ("mean", "sd")]
    _save_csv(output / "runs.csv", rows, [*FACTS, *settings, *FIGURES, "pareto"])
    _save_csv(output / "settings.csv", over_seeds, [*set_columns, "seeds", *spread])
    tables = [shown("Runs", rows, [*FACTS, *settings], marked="pareto")] if rows else []
    if len(over_seeds) < len(rows):
        tables.append(shown("Mean ± standard deviation over seeds", over_seeds, [*set_columns, "seeds"]))
    left_out = [f"{name}: {reason}" for name, reason in broken.items()]
    with atomic_file(output / "runs.md") as new:
        text = [table.markdown() for table in tables]
        if left_out:
            text.append("\n".join(["## Left out", "", *(f"- {line}" for line in left_out)]))
        new.write_text("\n\n".join(text) + "\n")
    console = Console()
    for table in tables:
        console.print(table.rich())
    for line in left_out:
        console.print(f"left out: {line}", highlight=False)
    files = ["runs.md", "runs.csv", "settings.csv"]
    if rows:
        save_runs(output / "runs.png", rows)
        files.append("runs.png")
    console.print(f"{len(rows)} runs, written to {output}: {', '.join(files)}")
    return rows


def seed_rows(rows: Rows, settings: Sequence[str]) -> Rows:
    """A row for the runs of the same setting, whatever their seeds; a single run has no deviation.

    Thresholds that were chosen may differ from seed to seed; those that were given are a part of the setting.
    """
    groups: dict[tuple[str, ...], Rows] = {}
    for row in rows:
        given = row["threshold"] if row["promise"].startswith("none") else ""
        key = (given, *(str(row[column]) for column in _setting_columns(settings) if column != "threshold"))
        while any(one["seed"] == row["seed"] for one in groups.get(key, [])):
            key = (*key, "again")  # the same seed twice says nothing about another training
        groups.setdefault(key, []).append(row)
    return [
        {column: group[0][column] for column in _setting_columns(settings)}
        | {"threshold": key[0], "seeds": " ".join(str(row["seed"]) for row in group)}
        | {f"{figure}_mean": statistics.mean(row[figure] for row in group) for figure in FIGURES}
        | {
            f"{figure}_sd": statistics.stdev(row[figure] for row in group) if len(group) > 1 else None
            for figure in FIGURES
        }
        for key, group in groups.items()
    ]


def _setting_columns(settings: Sequence[str]) -> list[str]:
    return [column for column in (*FACTS, *settings) if column not in ("run", "seed")]


def shown(title: str, rows: Rows, facts: Sequence[str], marked: str | None = None) -> PlainTable:
    """A row's facts, its `FIGURES`, and a star in the column `marked`.

    Facts that are the same in all of several rows go into the note.
    """
    same = [fact for fact in facts if len(rows) > 1 and len({str(row[fact]) for row in rows}) == 1]
    kept = [fact for fact in facts if fact not in same]
    header = [*kept, *(_HEADINGS[figure] for figure in FIGURES)]
    lines = [
        [*(_cell(row[fact]) for fact in kept), *(_figure(row, figure) for figure in FIGURES)] for row in rows
    ]
    if marked:
        header.append(marked.capitalize())
        for line, row in zip(lines, rows, strict=True):
            line.append("*" if row[marked] else "")
    told = [f"{fact} {_cell(rows[0][fact])}" for fact in same if _cell(rows[0][fact])]
    return PlainTable(title, header, lines, f"The same in all: {'; '.join(told)}." if told else "")


def _cell(value: Any) -> str:
    return "" if value is None else str(value)


def _figure(row: Mapping[str, Any], figure: str) -> str:
    """A figure of a run, or its mean ± standard deviation."""
    form = ".4g" if figure.startswith("gmacs") else ".1%"
    if figure in row:
        return f"{row[figure]:{form}}"
    mean, sd = row[f"{figure}_mean"], row[f"{figure}_sd"]
    return f"{mean:{form}}" if sd is None else f"{mean:{form}} ± {sd:{form.replace('4', '2')}}"


def _save_csv(path: Path, rows: Rows, columns: Sequence[str]) -> None:
    with atomic_file(path) as new, open(new, "w", newline="") as file:
        writer = csv.DictWriter(file, columns, extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
