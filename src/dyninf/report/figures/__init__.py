"""Figures for papers, as PNG and SVG, all in one style."""

from typing import TYPE_CHECKING

from dyninf.lazy import import_lazily

if TYPE_CHECKING:
    from dyninf.report.figures.curves import save_curve, save_curves
    from dyninf.report.figures.reliability import save_reliability
    from dyninf.report.figures.runs import save_runs
    from dyninf.report.figures.write import write_figures

# So that a run's curve needs nothing of the page, such as captum.
import_lazily(
    __name__,
    {
        "dyninf.report.figures.curves": ["save_curve", "save_curves"],
        "dyninf.report.figures.reliability": ["save_reliability"],
        "dyninf.report.figures.runs": ["save_runs"],
        "dyninf.report.figures.write": ["write_figures"],
    },
)

__all__ = ["save_curve", "save_curves", "save_reliability", "save_runs", "write_figures"]
