"""Figures, tables and files that a person looks at."""

from dyninf.report.assess import Assessment, assess
from dyninf.report.check_report import CheckedVideo, check_data, fault_table, size_table
from dyninf.report.cost_report import CostSummary, report_costs
from dyninf.report.cost_tables import cell_table, cost_table, head_table, stage_table
from dyninf.report.figure import save_curve
from dyninf.report.gate_report import gate_table, report_gates
from dyninf.report.loggers import log_assessment
from dyninf.report.summary import checkpoint_table, comparison_table
from dyninf.report.sweep_report import report_sweep

__all__ = [
    "Assessment",
    "CheckedVideo",
    "CostSummary",
    "assess",
    "cell_table",
    "check_data",
    "checkpoint_table",
    "comparison_table",
    "cost_table",
    "fault_table",
    "gate_table",
    "head_table",
    "log_assessment",
    "report_costs",
    "report_gates",
    "report_sweep",
    "save_curve",
    "size_table",
    "stage_table",
]
