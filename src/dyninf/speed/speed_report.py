"""What was measured, as CSV, Markdown and a figure."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from math import isnan
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dyninf.atomic import atomic_file
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
    _save_figure(output / "benchmark.png", rows)


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


def _save_figure(path: Path, rows: Sequence[Row]) -> None:
    """Realised speed-up over the MACs ratio, with the line on which they are equal."""
    figure = Figure(figsize=(6.4, 4.8), layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    most = max(max(row.macs_ratio, row.speedup) for row in rows) * 1.1
    axes.plot([0.9, most], [0.9, most], color="tab:gray", linewidth=0.8, label="as the MACs promise")
    for marker, name in zip(
        "osD^vP*X", sorted({f"{row.network} {row.scheme}" for row in rows}), strict=False
    ):
        for color, batch in zip(
            ("tab:blue", "tab:orange", "tab:green"), sorted({r.batch for r in rows}), strict=False
        ):
            there = [r for r in rows if f"{r.network} {r.scheme}" == name and r.batch == batch]
            axes.plot(
                [row.macs_ratio for row in there],
                [row.speedup for row in there],
                marker,
                color=color,
                label=f"{name}, batch {batch}",
            )
    axes.set_xlabel("MACs of full inference / MACs")
    axes.set_ylabel("time of full inference / time")
    axes.legend(fontsize="small")
    axes.grid(alpha=0.3)
    with atomic_file(path) as new:
        figure.savefig(new, dpi=150, format="png")
