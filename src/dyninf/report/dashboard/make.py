"""From runs to a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from rich.console import Console

from dyninf.json_file import brief
from dyninf.report.dashboard.content import POINTS, Content, check_points
from dyninf.report.dashboard.gallery import gallery_of
from dyninf.report.dashboard.page import write_page
from dyninf.report.dashboard.sources import Source
from dyninf.report.figures import write_figures
from dyninf.report.published import published_points
from dyninf.report.runs import run_rows


@dataclass(frozen=True)
class Look:
    """What a report shows.

    title: on top; the name of the first run when left out.
    points: thresholds of each curve.
    videos: shown of each kind: right and wrong ones that left at the first, a middle and the last checkpoint.
    pictured_runs: how many runs show videos, Pareto-optimal ones first.
    grad_cam: whether videos show where the network looked.
    published: whether figures show what others published on the same data set; the page lets one choose.

    Raises ValueError for a number of points that a page cannot hold.
    """

    title: str | None = None
    points: int = POINTS
    videos: int = 2
    pictured_runs: int = 6
    grad_cam: bool = True
    published: bool = False

    def __post_init__(self) -> None:
        check_points(self.points)


def make_report(
    sources: Sequence[Source],
    left_out: Mapping[str, str],
    output: Path,
    look: Look | None = None,
    figures: Path | None = None,
) -> list[Path]:
    """Write the page to `output` and, as PNG and SVG, its figures to the folder `figures`; returns the files.

    What cannot be shown is said on the page, with the reason.

    Raises ValueError if there is no run to show.
    """
    look, left_out = look or Look(), dict(left_out)
    _check_any(sources, left_out)
    content, galleries, shown = Content(look.points), {}, []
    pictured = _pictured(sources, look.pictured_runs) if look.videos else set()
    for place, each in enumerate(sources):
        # Read once for the videos and the curves of a run, and let go of before the next.
        source = replace(each, trace=cache(each.trace)) if each.trace is not None else each
        gallery = _gallery(source, look) if place in pictured else None
        if gallery is None and source.pictures is not None:
            reason = f"this report shows videos of {len(pictured)} runs (pictured_runs={look.pictured_runs})"
            gallery = {"videos": [], "without": reason if place not in pictured else ""}
        try:
            content.add(source, gallery)
        except (ValueError, OSError) as error:  # such as a trace that is damaged
            left_out[source.run.name] = brief(error)
            continue
        shown.append(each)
        galleries[source.run.name] = gallery or {"videos": [], "without": ""}
    _check_any(shown, left_out)
    write_page(content.finished(look.title or shown[0].run.name, left_out), output)
    drawn: list[Path] = []
    if figures is not None:
        published = published_points() if look.published else []
        drawn = write_figures(shown, figures, galleries, look.points, published)
    console = Console(soft_wrap=True)
    if drawn:
        console.print(f"figures: {len(drawn)} files in {figures}", highlight=False)
    skipped = f", {len(left_out)} left out" if left_out else ""
    size = output.stat().st_size / 1e6
    runs = "1 run" if len(shown) == 1 else f"{len(shown)} runs"
    console.print(f"report of {runs}{skipped}, {size:.1f} MB: {output}", highlight=False)
    return [output, *drawn]


def _check_any(sources: Sequence[Source], left_out: Mapping[str, str]) -> None:
    if not sources:
        reasons = "; ".join(f"{name}: {reason}" for name, reason in left_out.items())
        raise ValueError(f"no finished run to report: {reasons or 'none was given'}")


def _pictured(sources: Sequence[Source], most: int) -> set[int]:
    """The places of the runs that show videos."""
    able = [place for place, source in enumerate(sources) if source.pictures is not None]
    rows, _ = run_rows([sources[place].run for place in able])
    best = {place for place, row in zip(able, rows, strict=True) if row["pareto"]}
    return set(sorted(able, key=lambda place: (place not in best, place))[:most])


def _gallery(source: Source, look: Look) -> dict[str, Any] | None:
    try:
        return gallery_of(source, look.videos, look.grad_cam)
    except (
        OSError,
        ValueError,
    ) as error:  # such as a data set that has gone: the rest is still worth showing
        return {"videos": [], "without": brief(error)}
