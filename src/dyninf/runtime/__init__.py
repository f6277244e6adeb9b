"""Leaving early for real. Never imports Lightning."""

from dyninf.runtime.evaluate import evaluate
from dyninf.runtime.infer import InferenceResult, infer
from dyninf.runtime.milliseconds import measure_milliseconds

__all__ = ["InferenceResult", "evaluate", "infer", "measure_milliseconds"]
