"""All figures of a report, for one run or several."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from dyninf.policies import LogitsNotFiniteError
from dyninf.report.dashboard.content import POINTS, with_own
from dyninf.report.dashboard.sources import Source
from dyninf.report.figures.accuracy import Drawn, accuracy_figure
from dyninf.report.figures.classes import classes_figure
from dyninf.report.figures.confidence import confidence_figure
from dyninf.report.figures.confusion import confusion_figure
from dyninf.report.figures.exits import exits_figure
from dyninf.report.figures.gallery import gallery_figure
from dyninf.report.figures.grid import grid_figure
from dyninf.report.figures.reliability import reliability_figure
from dyninf.report.figures.style import file_name, save
from dyninf.report.published import PublishedPoint
from dyninf.trace import Resampling, Trace, by_class, sweep, top1_band

STEMS = (
    *("accuracy", "accuracy_ms", "grid", "exits", "classes", "confusion", "reliability", "confidence"),
    "gallery",
)


def write_figures(
    sources: Sequence[Source],
    folder: Path,
    galleries: Mapping[str, Mapping[str, Any]] | None = None,
    points: int = POINTS,
    published: Sequence[PublishedPoint] = (),
    resampling: Resampling | None = None,
) -> list[Path]:
    """Write the figures of `sources` as PNG and SVG, and return their paths.

    Of one run all lie in `folder`. Of several, those that compare them do, and each run has a folder below
    it, called as the run. A figure is left out where a run lacks what it shows: a trace, thresholds, a grid,
    milliseconds.

    galleries: by the name of a run, as `gallery_of` gives them. points: of each curve. published: points that
    are drawn beside runs on their data set. resampling: of intervals, `Resampling()` when left out.
    """
    resampling = resampling or Resampling()
    galleries = galleries or {}
    written: list[Path] = []
    drawn: list[Drawn] = []
    taken = [*STEMS, *(f"{stem}.{form}" for stem in STEMS for form in ("png", "svg"))]
    for source in sources:
        home = folder
        if len(sources) > 1:
            taken.append(file_name(source.run.name, taken))
            home = folder / taken[-1]
        trace = source.trace() if source.trace is not None else None
        drawn.append(_drawn(source, trace, points, resampling))
        figures = _comparison(drawn[-1:], published)
        figures |= dict(_of_run(source, trace, galleries.get(source.run.name), resampling))
        written += _save_all(home, figures)
    return written if len(sources) == 1 else [*_save_all(folder, _comparison(drawn, published)), *written]


def _save_all(folder: Path, figures: Mapping[str, Figure]) -> list[Path]:
    return [path for stem, figure in figures.items() for path in save(figure, folder, stem)]


def _comparison(drawn: Sequence[Drawn], published: Sequence[PublishedPoint]) -> dict[str, Figure]:
    figures = {
        "accuracy": accuracy_figure(drawn, published),
        "accuracy_ms": accuracy_figure(drawn, in_time=True),
    }
    return {stem: figure for stem, figure in figures.items() if figure is not None}


def _drawn(source: Source, trace: Trace | None, points: int, resampling: Resampling) -> Drawn:
    """The run's curves, its own policy's first; without those of policies that cannot score its trace."""
    policies, curves = with_own(source), {}
    for name, policy in policies.items():
        if trace is None:
            break
        try:
            scores_VK = trace.scores(policy)
        except LogitsNotFiniteError:
            raise  # no policy can judge this trace
        except ValueError:
            continue  # such as gates that the trace lacks; the page says so
        curve = sweep(trace, policy, points, scores_VK)
        low_P, high_P = top1_band(curve, trace, scores_VK, resampling)
        curves[name] = replace(curve, top1_low_P=low_P, top1_high_P=high_P)
    bounds = frozenset(name for name, policy in policies.items() if policy.sees_labels)
    return Drawn(source.run.name, source.run.summary, curves, bounds, resampling.level)


def _of_run(
    source: Source, trace: Trace | None, gallery: Mapping[str, Any] | None, resampling: Resampling
) -> Iterator[tuple[str, Figure]]:
    """What one run can show, by the stem of its file."""
    policy = source.policy
    if source.run.summary.get("grid"):
        yield "grid", grid_figure(source.run.summary)
    if trace is not None:
        outcome = trace.replay(policy) if policy is not None and policy.threshold is not None else None
        if outcome is not None:
            yield "exits", exits_figure(trace, outcome)
            yield "classes", classes_figure(by_class(trace, outcome, resampling), resampling.level)
        yield "confusion", confusion_figure(trace, outcome)
        yield "reliability", reliability_figure(trace, None if policy is None else policy.temperature)
        yield "confidence", confidence_figure(trace)
    if gallery and gallery["videos"]:
        yield "gallery", gallery_figure(gallery)
