"""Dynamic inference in video action recognition: an easy video costs little, a hard one what it needs."""

from dyninf import policies
from dyninf.backbones import load_pretrained
from dyninf.configuration import build_network
from dyninf.grid import Network
from dyninf.runtime import InferenceResult, infer
from dyninf.trace import Trace
from dyninf.version import __version__

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
