"""What can run segments: PyTorch, torch.compile, ONNX Runtime, OpenVINO."""

from dyninf.runtime.engines.base import Compiled, Engine
from dyninf.runtime.engines.eager import Eager
from dyninf.runtime.engines.folding import folded
from dyninf.runtime.engines.graph_files import GraphFiles, cache_folder
from dyninf.runtime.engines.inductor import Inductor
from dyninf.runtime.engines.onnx_graph import write_onnx
from dyninf.runtime.engines.onnxruntime import OnnxRuntime
from dyninf.runtime.engines.openvino import OpenVino

ENGINES: dict[str, type[Engine]] = {
    engine.name: engine for engine in (Eager, Inductor, OnnxRuntime, OpenVino)
}
"""The engines by the names that ``runtime=NAME`` takes."""

__all__ = [
    "ENGINES",
    "Compiled",
    "Eager",
    "Engine",
    "GraphFiles",
    "Inductor",
    "OnnxRuntime",
    "OpenVino",
    "cache_folder",
    "engine_named",
    "folded",
    "write_onnx",
]


def engine_named(name: str) -> Engine:
    """The engine of that name; ValueError that says what there is, or what to install."""
    if name not in ENGINES:
        raise ValueError(f"runtime {name!r} is unknown; choose auto or one of {', '.join(ENGINES)}")
    found = ENGINES[name]
    if not found.is_there():
        raise ValueError(f"runtime={name} needs packages: pip install 'dyninf[{found.extra}]'")
    return found()
