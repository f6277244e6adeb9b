"""What was measured, as CSV, Markdown and a figure."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isnan
from pathlib import Path

from dyninf.atomic import atomic_file
from dyninf.report.figures.style import (
    COLUMN,
    GRAY,
    color,
    legend_outside,
    marker,
    panels,
    save_as,
    shown,
    styled,
)
from dyninf.report.plain_table import PlainTable
from dyninf.speed.decoding import DecodingRow
from dyninf.speed.machine import Machine
from dyninf.speed.measure import Row, StepTime

Steps = Mapping[str, Sequence[StepTime]]
"""By the name of a network on an engine at a batch."""


def write_speed_report(
    output: Path,
    machine: Machine,
    rows: Sequence[Row],
    steps: Steps,
    decoding: Mapping[str, Sequence[DecodingRow]],
    command: str,
) -> None:
    """Write ``benchmark.csv``, ``steps.csv``, ``decoding.csv``, ``benchmark.md`` and ``benchmark.png``."""
    points = [asdict(row) | {"of_limit": row.of_limit, "of_macs": row.of_macs} for row in rows]
    _write_csv(output / "benchmark.csv", points)
    _write_csv(
        output / "steps.csv", [{"run": run, **asdict(s)} for run, found in steps.items() for s in found]
    )
    if decoding:
        named = [{"network": name, **asdict(row)} for name, found in decoding.items() for row in found]
        _write_csv(output / "decoding.csv", named)
    texts = ["# Speed", f"{machine}.", f"`{command}`", speed_table(rows).markdown()]
    texts += [_steps_table(run, found).markdown() for run, found in steps.items()]
    texts += [_decoding_table(name, found).markdown() for name, found in decoding.items()]
    with atomic_file(output / "benchmark.md") as new:
        new.write_text("\n\n".join(texts) + "\n")
    save_speed_up(output / "benchmark.png", rows)


def speed_table(rows: Sequence[Row]) -> PlainTable:
    """A line a point."""
    lines = [
        [
            f"{row.network} {row.scheme}",
            row.engine,
            str(row.batch),
            row.point,
            f"{row.ms_full:.0f}",
            f"{row.ms:.0f} ± {row.spread:.1%}",
            f"{row.speedup:.2f}×",
            f"{row.macs_ratio:.2f}×",
            f"{row.limit:.2f}×",
            f"{row.of_macs:.2f}",
            f"{row.of_limit:.2f}",
            f"{row.of_peak:.0%}",
            f"{row.memory_mb:.0f}",
        ]
        for row in rows
    ]
    header = (
        "network,engine,batch,point,full ms,ms,speed-up,MACs ratio,limit,of MACs,of limit,of peak,MB".split(
            ","
        )
    )
    note = (
        "Times of a clip, medians of rounds in turn, ± half the range between quartiles. Limit: what the "
        "steps' own times at full batch allow. Of MACs, of limit: the speed-up over these. Of peak: MACs a "
        "second over "
        "those of a large matrix product."
    )
    return PlainTable("Full and dynamic inference", header, lines, note)


def brief_table(rows: Sequence[Row]) -> PlainTable:
    """A line a point, as wide as a terminal."""
    lines = [
        [
            f"{row.network} {row.scheme}, {row.engine}, batch {row.batch}",
            row.point,
            f"{row.ms:.0f}",
            f"{row.speedup:.2f}×",
            f"{row.macs_ratio:.2f}×",
            f"{row.limit:.2f}×",
        ]
        for row in rows
    ]
    return PlainTable(
        "Full and dynamic inference", ["network", "point", "ms", "speed-up", "MACs", "limit"], lines
    )


def _steps_table(run: str, found: Sequence[StepTime]) -> PlainTable:
    lines = [
        [step.checkpoint, f"{step.gmacs:.3f}", f"{step.ms:.1f}", f"{step.relative:.2f}"] for step in found
    ]
    note = "Each alone at full batch, of a clip. Time a MAC: over that of full inference."
    return PlainTable(f"Steps of {run}", ["up to", "GMACs", "ms", "time a MAC"], lines, note)


def _decoding_table(name: str, found: Sequence[DecodingRow]) -> PlainTable:
    lines = [
        [
            row.way,
            str(row.batch),
            f"{row.ms:.0f}",
            "" if isnan(row.decoding) else f"{row.decoding:.0%}",
            f"{row.frames:.1f}",
        ]
        for row in found
    ]
    header = ["way", "batch", "ms a video", "decoding", "frames decoded"]
    return PlainTable(f"From file to label: {name}", header, lines)


def _write_csv(path: Path, lines: Sequence[dict[str, object]]) -> None:
    with atomic_file(path) as new, new.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, list(lines[0]))
        writer.writeheader()
        writer.writerows(lines)


@styled()
def save_speed_up(path: Path, rows: Sequence[Row]) -> None:
    """Realised speed-up over the MACs ratio, with the line on which they are equal."""
    figure, (axes,) = panels(1, COLUMN, 2.7)
    most = max(max(row.macs_ratio, row.speedup) for row in rows) * 1.1
    entries = [(axes.plot([0.9, most], [0.9, most], color=GRAY, linewidth=0.6)[0], "as the MACs promise")]
    batches = sorted({row.batch for row in rows})
    for i, name in enumerate(sorted({f"{row.network} {row.scheme}" for row in rows})):
        for j, batch in enumerate(batches):
            there = [r for r in rows if f"{r.network} {r.scheme}" == name and r.batch == batch]
            places = [row.macs_ratio for row in there], [row.speedup for row in there]
            face = color(j) if j % 2 == 0 else "white"  # so that not the colour alone tells a batch
            (drawn,) = axes.plot(*places, marker(i), color=color(j), markerfacecolor=face)
            entries.append((drawn, f"{shown(name)}, batch {batch}"))
    axes.set(xlabel="GMACs of full inference / GMACs", ylabel="ms of full inference / ms")
    axes.grid()
    legend_outside(figure, entries)
    save_as(figure, path)
