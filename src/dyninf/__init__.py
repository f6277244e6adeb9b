"""Dynamic inference in video action recognition: an easy video costs little, a hard one what it needs."""

from typing import TYPE_CHECKING

from dyninf.lazy import import_lazily
from dyninf.version import __version__

if TYPE_CHECKING:
    from dyninf import backbones as backbones
    from dyninf import data as data
    from dyninf import gates as gates
    from dyninf import grid as grid
    from dyninf import policies
    from dyninf import predicting as predicting
    from dyninf import report as report
    from dyninf import runtime as runtime
    from dyninf import schemes as schemes
    from dyninf import service as service
    from dyninf import speed as speed
    from dyninf import trace as trace
    from dyninf import training as training
    from dyninf.backbones import load_pretrained
    from dyninf.configuration import build_network
    from dyninf.grid import Network
    from dyninf.runtime import InferenceResult, infer
    from dyninf.trace import Trace

# So that what needs no torch, such as `runtime.exported`, can be imported where there is none.
import_lazily(
    __name__,
    {
        "dyninf.backbones": ["load_pretrained"],
        "dyninf.configuration": ["build_network"],
        "dyninf.grid": ["Network"],
        "dyninf.runtime": ["InferenceResult", "infer"],
        "dyninf.trace": ["Trace"],
    },
    packages=[
        "backbones",
        "data",
        "gates",
        "grid",
        "policies",
        "predicting",
        "report",
        "runtime",
        "schemes",
        "service",
        "speed",
        "trace",
        "training",
    ],
)

__all__ = [
    "InferenceResult",
    "Network",
    "Trace",
    "__version__",
    "build_network",
    "infer",
    "load_pretrained",
    "policies",
]
