"""What a network costs, as tables and as plain values.

Legend: t frames of a group, C channels, H, W.
"""

from dataclasses import asdict
from typing import Any

from rich.table import Table

from dyninf.grid import NetworkProfile


def cost_figures(profile: NetworkProfile) -> dict[str, Any]:
    """The whole profile and its totals as values for JSON; keys that end in no unit are names or counts."""
    figures = asdict(profile)
    for cell, row in zip(profile.cells, figures["cells"], strict=True):
        row["state_bytes"] = cell.state_bytes
    for key in ("height", "width"):
        figures[f"{key}_pixels"] = figures.pop(key)
    totals = {"params": profile.params, "macs": profile.macs, "peak_bytes": profile.peak_bytes}
    parts = {key: figures.pop(key) for key in ("stages", "heads", "cells", "checkpoints")}
    return figures | totals | parts


def stage_table(profile: NetworkProfile) -> Table:
    """One row a stage: parameters, cost of all groups, shapes for one group; a line for what no stage has."""
    table = _table("stages, without heads", "stage", "M parameters", "GMACs", "of all", "output (t, C, H, W)")
    for stage in profile.stages:
        shapes = " ".join(f"({', '.join(map(str, shape))})" for shape in stage.output_shapes)
        table.add_row(stage.name, _millions(stage.params), *_share(stage.macs, profile), shapes)
    params, macs = sum(stage.params for stage in profile.stages), sum(stage.macs for stage in profile.stages)
    if profile.unused_params:
        table.add_row("used by no cell", _millions(profile.unused_params), *_share(0, profile), "")
    table.add_section()
    table.add_row("total", _millions(params + profile.unused_params), *_share(macs, profile), "")
    return table


def head_table(profile: NetworkProfile) -> Table:
    """One row a head: parameters, and cost for all its frames and checkpoints."""
    table = _table("heads", "head", "M parameters", "GMACs", "of all")
    for head in profile.heads:
        table.add_row(head.stage, _millions(head.params), *_share(head.macs, profile))
    params, macs = sum(head.params for head in profile.heads), sum(head.macs for head in profile.heads)
    table.add_section()
    table.add_row("total", _millions(params), *_share(macs, profile))
    return table


def cell_table(profile: NetworkProfile) -> Table:
    """One row a cell in the order of the route: cost, and what a clip then carries."""
    columns = ("stage", "head", "kept", "waiting", "sums", "state")
    title = "cells: GMACs, then MiB of float32 that a clip carries on"
    table = _table(title, "cell (group, stage)", *columns)
    for cell in profile.cells:
        memory = (cell.kept_bytes, cell.waiting_bytes, cell.sums_bytes, cell.state_bytes)
        table.add_row(str(cell.cell), _giga(cell.macs), _giga(cell.head_macs), *map(_mebi, memory))
    cells = profile.cells
    peaks = (
        max(cell.kept_bytes for cell in cells),
        max(cell.waiting_bytes for cell in cells),
        max(cell.sums_bytes for cell in cells),
        profile.peak_bytes,
    )
    table.add_section()
    table.add_row(
        "total", _giga(sum(cell.macs for cell in cells)), _giga(sum(cell.head_macs for cell in cells))
    )
    table.add_row("peak", "", "", *map(_mebi, peaks))
    return table


def cost_table(profile: NetworkProfile) -> Table:
    """One row a checkpoint: cell, frames, cumulative GMACs and their share of full inference."""
    size = f"frames of {profile.height}x{profile.width}"
    title = f"{profile.network}: {profile.params / 1e6:.2f} M parameters, {size}"
    table = _table(title, "checkpoint", "cell (group, stage)", "frames", "GMACs", "of full")
    for checkpoint in profile.checkpoints:
        cost = _share(checkpoint.cumulative_macs, profile)
        table.add_row(checkpoint.name, str(checkpoint.cell), str(checkpoint.frames), *cost)
    return table


def _table(title: str, *columns: str) -> Table:
    table = Table(title=title)
    for i, column in enumerate(columns):
        table.add_column(column, justify="left" if i == 0 else "right")
    return table


def _share(macs: int, profile: NetworkProfile) -> tuple[str, str]:
    return _giga(macs), f"{macs / profile.macs:.1%}"


def _giga(macs: int) -> str:
    return f"{macs / 1e9:.4g}"


def _millions(params: int) -> str:
    return f"{params / 1e6:.3f}"


def _mebi(size: int) -> str:
    return f"{size / 2**20:.4g}"
