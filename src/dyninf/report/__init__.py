"""Figures, tables and files that a person looks at."""

from dyninf.report.annotate import Annotator, captions_of
from dyninf.report.assess import Assessment, assess
from dyninf.report.check_report import CheckedVideo, check_data, fault_table, size_table
from dyninf.report.cost_report import CostSummary, report_costs
from dyninf.report.cost_tables import cell_table, cost_table, head_table, stage_table
from dyninf.report.csv_log import CsvLog
from dyninf.report.dashboard import make_report, run_sources, trace_source
from dyninf.report.epoch_table import EpochTable
from dyninf.report.error_bars import add_error_bars
from dyninf.report.figures import save_curve
from dyninf.report.gate_report import gate_table, report_gates
from dyninf.report.loggers import followed, log_assessment, log_report, tags_of
from dyninf.report.policies_report import report_policies
from dyninf.report.prediction_files import FileRows, Rows, TerminalRows, rows_to
from dyninf.report.prediction_shards import ListedRows, ShardRows, Shards
from dyninf.report.predictions import Prediction, Totals, Wording
from dyninf.report.runs_report import report_runs
from dyninf.report.summary import checkpoint_table, comparison_table
from dyninf.report.sweep_report import report_sweep
from dyninf.report.time_report import load_milliseconds, time_network, time_of_split, time_table
from dyninf.report.wandb_logger import SteadyWandbLogger

__all__ = [
    "Annotator",
    "Assessment",
    "CheckedVideo",
    "CostSummary",
    "CsvLog",
    "EpochTable",
    "FileRows",
    "ListedRows",
    "Prediction",
    "Rows",
    "ShardRows",
    "Shards",
    "SteadyWandbLogger",
    "TerminalRows",
    "Totals",
    "Wording",
    "add_error_bars",
    "assess",
    "captions_of",
    "cell_table",
    "check_data",
    "checkpoint_table",
    "comparison_table",
    "cost_table",
    "fault_table",
    "followed",
    "gate_table",
    "head_table",
    "load_milliseconds",
    "log_assessment",
    "log_report",
    "make_report",
    "report_costs",
    "report_gates",
    "report_policies",
    "report_runs",
    "report_sweep",
    "rows_to",
    "run_sources",
    "save_curve",
    "size_table",
    "stage_table",
    "tags_of",
    "time_network",
    "time_of_split",
    "time_table",
    "trace_source",
]
