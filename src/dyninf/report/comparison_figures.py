"""Policies and runs beside each other: accuracy against cost, drawn."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from dyninf.atomic import atomic_file
from dyninf.trace import Curve

MARKERS = "osD^vPX*<>"


def save_curves(
    path: Path, curves: Mapping[str, Curve], bounds: Collection[str], summary: dict[str, Any]
) -> None:
    """Write a PNG: one curve a policy, dashed for `bounds`, which are no methods; and full inference."""
    figure = _figure(1)
    axes = figure.add_subplot()
    for name, curve in curves.items():
        points = sorted(zip((curve.macs_P / 1e9).tolist(), (100 * curve.top1_P).tolist(), strict=True))
        label = f"{name} (sees the labels)" if name in bounds else name
        axes.plot(*zip(*points, strict=True), linestyle="--" if name in bounds else "-", label=label)
    full = summary["full"]
    axes.plot(full["gmacs"], 100 * full["top1"], "s", color="black", label="full inference")
    _finish(axes, f"{summary['network']} on {summary['split']}")
    _save(figure, path)


def save_runs(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write a PNG of collected runs, a panel a data set: a mark each, Pareto-optimal ones joined."""
    datasets = list(dict.fromkeys(row["dataset"] for row in rows))
    figure = _figure(len(datasets))
    for axes, dataset in zip(figure.subplots(1, len(datasets), squeeze=False)[0], datasets, strict=True):
        here = [row for row in rows if row["dataset"] == dataset]
        networks = dict.fromkeys((row["backbone"], row["scheme"]) for row in here)
        for i, network in enumerate(networks):
            of_it = [row for row in here if (row["backbone"], row["scheme"]) == network]
            axes.plot(*_places(of_it), MARKERS[i % len(MARKERS)], linestyle="", label=" ".join(network))
        best = sorted((row for row in here if row["pareto"]), key=lambda row: row["gmacs_dynamic"])
        if best:
            axes.plot(*_places(best), color="black", linewidth=0.8, zorder=0, label="Pareto-optimal")
        _finish(axes, dataset)
    _save(figure, path)


def _places(rows: Sequence[Mapping[str, Any]]) -> tuple[list[float], list[float]]:
    return [row["gmacs_dynamic"] for row in rows], [100 * row["top1_dynamic"] for row in rows]


def _figure(panels: int) -> Figure:
    figure = Figure(figsize=(6.4 * panels, 4.4), layout="constrained")
    FigureCanvasAgg(figure)
    return figure


def _finish(axes: Axes, title: str) -> None:
    axes.set_title(title)
    axes.set_xlabel("mean GMACs a video")
    axes.set_ylabel("top-1 (%)")
    axes.set_xlim(left=0)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")


def _save(figure: Figure, path: Path) -> None:
    with atomic_file(path) as new:
        figure.savefig(new, dpi=150)
