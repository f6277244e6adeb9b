"""Record once, replay any policy."""

from dyninf.trace.calibrate import Promise, calibrate, uncertified
from dyninf.trace.curve import Curve, default_thresholds, sweep
from dyninf.trace.trace import Trace, TraceInfo

__all__ = [
    "Curve",
    "Promise",
    "Trace",
    "TraceInfo",
    "calibrate",
    "default_thresholds",
    "sweep",
    "uncertified",
]
