"""One HTML file that shows runs: curves, budgets, the grid, classes, videos."""

from dyninf.report.dashboard.content import Content
from dyninf.report.dashboard.gallery import gallery_of
from dyninf.report.dashboard.make import Look, make_report
from dyninf.report.dashboard.page import write_page
from dyninf.report.dashboard.sources import Pictures, Source, run_source, run_sources, trace_source
from dyninf.report.dashboard.traces import Traces

__all__ = [
    "Content",
    "Look",
    "Pictures",
    "Source",
    "Traces",
    "gallery_of",
    "make_report",
    "run_source",
    "run_sources",
    "trace_source",
    "write_page",
]
