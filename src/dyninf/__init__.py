"""Dynamic inference in video action recognition: an easy video costs little, a hard one what it needs."""

from dyninf import policies
from dyninf.backbones import load_pretrained
from dyninf.configuration import build_network
from dyninf.grid import Network
from dyninf.runtime import InferenceResult, infer
from dyninf.trace import Trace

__all__ = ["InferenceResult", "Network", "Trace", "build_network", "infer", "load_pretrained", "policies"]
__version__ = "0.1.0"
