"""Leaving early for real. Never imports Lightning; `exported` not even torch."""

from typing import TYPE_CHECKING

from dyninf.lazy import import_lazily

if TYPE_CHECKING:
    from dyninf.runtime import exported
    from dyninf.runtime.answers import Answer, ClipFrames, likeliest
    from dyninf.runtime.choose import Choice, choose_engine
    from dyninf.runtime.engines import ENGINES, Engine, engine_named
    from dyninf.runtime.evaluate import evaluate
    from dyninf.runtime.exported.write import export_network
    from dyninf.runtime.infer import InferenceResult, infer
    from dyninf.runtime.milliseconds import measure_milliseconds
    from dyninf.runtime.queues import Queues, answer_clips
    from dyninf.runtime.runner import Runner, stops_of
    from dyninf.runtime.walk import Walk
    from dyninf.runtime.watched import Decoded, Judged, Ran, watch

import_lazily(
    __name__,
    {
        "dyninf.runtime.answers": ["Answer", "ClipFrames", "likeliest"],
        "dyninf.runtime.choose": ["Choice", "choose_engine"],
        "dyninf.runtime.engines": ["ENGINES", "Engine", "engine_named"],
        "dyninf.runtime.evaluate": ["evaluate"],
        "dyninf.runtime.exported.write": ["export_network"],
        "dyninf.runtime.infer": ["InferenceResult", "infer"],
        "dyninf.runtime.milliseconds": ["measure_milliseconds"],
        "dyninf.runtime.queues": ["Queues", "answer_clips"],
        "dyninf.runtime.runner": ["Runner", "stops_of"],
        "dyninf.runtime.walk": ["Walk"],
        "dyninf.runtime.watched": ["Decoded", "Judged", "Ran", "watch"],
    },
    packages=["exported"],
)

__all__ = [
    "ENGINES",
    "Answer",
    "Choice",
    "ClipFrames",
    "Decoded",
    "Engine",
    "InferenceResult",
    "Judged",
    "Queues",
    "Ran",
    "Runner",
    "Walk",
    "answer_clips",
    "choose_engine",
    "engine_named",
    "evaluate",
    "export_network",
    "exported",
    "infer",
    "likeliest",
    "measure_milliseconds",
    "stops_of",
    "watch",
]
