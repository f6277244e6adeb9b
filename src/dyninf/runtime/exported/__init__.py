"""A trained network that leaves early without torch: a folder of ONNX graphs, run with onnxruntime and numpy.

`dyninf.export` writes such folders; nothing that this package imports by itself needs torch. Only its module
`write` does, which is imported where a folder is written.
"""

from dyninf.runtime.exported.manifest import ExportedCheckpoint, ExportedSegment, Manifest, Preprocessing
from dyninf.runtime.exported.network import ExportedNetwork, ExportedResult, load

__all__ = [
    "ExportedCheckpoint",
    "ExportedNetwork",
    "ExportedResult",
    "ExportedSegment",
    "Manifest",
    "Preprocessing",
    "load",
]
