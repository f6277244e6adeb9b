"""Leaving early for real. Never imports Lightning."""

from dyninf.runtime.answers import Answer, ClipFrames
from dyninf.runtime.engines import ENGINES, Engine, engine_named
from dyninf.runtime.evaluate import evaluate
from dyninf.runtime.infer import InferenceResult, infer
from dyninf.runtime.milliseconds import measure_milliseconds
from dyninf.runtime.queues import Queues, answer_clips
from dyninf.runtime.runner import Runner, stops_of
from dyninf.runtime.walk import Walk

__all__ = [
    "ENGINES",
    "Answer",
    "ClipFrames",
    "Engine",
    "InferenceResult",
    "Queues",
    "Runner",
    "Walk",
    "answer_clips",
    "engine_named",
    "evaluate",
    "infer",
    "measure_milliseconds",
    "stops_of",
]
