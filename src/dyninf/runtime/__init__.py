"""Leaving early for real. Never imports Lightning."""

from dyninf.runtime.evaluate import evaluate
from dyninf.runtime.infer import InferenceResult, infer

__all__ = ["InferenceResult", "evaluate", "infer"]
