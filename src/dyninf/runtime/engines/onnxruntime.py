"""ONNX Runtime, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from dyninf.grid import Segment
from dyninf.runtime.engines.base import Compiled, Engine
from dyninf.runtime.engines.graph_files import GraphFiles


class OnnxRuntime(Engine):
    """One session a segment, whatever the number of clips."""

    name = "onnxruntime"
    needs = ("onnxruntime", "onnxscript")
    extra = "onnx"
    shift_apart = True

    def compile(self, segment: Segment, batch: int, graphs: GraphFiles) -> Compiled:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        path = str(graphs.of(segment))
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        names = segment.plan.input_names

        def run(inputs: Sequence[Tensor]) -> list[Tensor]:
            given = {name: tensor.contiguous().numpy() for name, tensor in zip(names, inputs, strict=True)}
            return [torch.from_numpy(array) for array in session.run(None, given)]

        return run
