"""Figures, tables and files that a person looks at."""

from dyninf.report.assess import Assessment, assess
from dyninf.report.figure import save_curve
from dyninf.report.loggers import log_assessment
from dyninf.report.summary import checkpoint_table, comparison_table
from dyninf.report.sweep_report import report_sweep

__all__ = [
    "Assessment",
    "assess",
    "checkpoint_table",
    "comparison_table",
    "log_assessment",
    "report_sweep",
    "save_curve",
]
