"""Record once, replay any policy."""

from dyninf.trace.calibrate import Promise, calibrate
from dyninf.trace.curve import Curve, default_thresholds, sweep
from dyninf.trace.milliseconds import Milliseconds
from dyninf.trace.policy_file import CRITERIA, FittedPolicy
from dyninf.trace.trace import Trace, TraceInfo

__all__ = [
    "CRITERIA",
    "Curve",
    "FittedPolicy",
    "Milliseconds",
    "Promise",
    "Trace",
    "TraceInfo",
    "calibrate",
    "default_thresholds",
    "sweep",
]
