"""Record once, replay any policy."""

from dyninf.trace.answers import info_of
from dyninf.trace.area import area
from dyninf.trace.band import resampled_curve, top1_band, with_band
from dyninf.trace.bootstrap import Interval, Resampling, sign_test
from dyninf.trace.budgeted import anytime, anytime_area, budgeted
from dyninf.trace.by_class import ClassFigures, by_class, hard_classes
from dyninf.trace.calibrate import Promise, calibrate, check_calibration, uncertified
from dyninf.trace.compare import Comparison, compare
from dyninf.trace.curve import Curve, default_thresholds, sweep
from dyninf.trace.info import TraceInfo
from dyninf.trace.logits import KeptLogits, LogitsForm
from dyninf.trace.milliseconds import Milliseconds
from dyninf.trace.policy_file import CRITERIA, FittedPolicy
from dyninf.trace.recording import Recording, left_out_of, record_to
from dyninf.trace.shard import Plan
from dyninf.trace.share import Share
from dyninf.trace.trace import Trace

__all__ = [
    "CRITERIA",
    "ClassFigures",
    "Comparison",
    "Curve",
    "FittedPolicy",
    "Interval",
    "KeptLogits",
    "LogitsForm",
    "Milliseconds",
    "Plan",
    "Promise",
    "Recording",
    "Resampling",
    "Share",
    "Trace",
    "TraceInfo",
    "anytime",
    "anytime_area",
    "area",
    "budgeted",
    "by_class",
    "calibrate",
    "check_calibration",
    "compare",
    "default_thresholds",
    "hard_classes",
    "info_of",
    "left_out_of",
    "record_to",
    "resampled_curve",
    "sign_test",
    "sweep",
    "top1_band",
    "uncertified",
    "with_band",
]
