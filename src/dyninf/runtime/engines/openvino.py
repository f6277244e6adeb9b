"""OpenVINO, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from dyninf.grid import Segment
from dyninf.runtime.engines.base import Compiled, Engine
from dyninf.runtime.engines.graph_files import GraphFiles


class OpenVino(Engine):
    """A graph of fixed size for the batch it is compiled for, and one for any other number of clips.

    In float32, which is not what OpenVINO takes by itself where a processor can do bfloat16.
    """

    name = "openvino"
    needs = ("openvino", "onnxscript")
    extra = "openvino"

    def compile(self, segment: Segment, batch: int, graphs: GraphFiles) -> Compiled:
        import openvino

        core = openvino.Core()
        model = core.read_model(graphs.of(segment))
        settings: dict[str, Any] = {
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": torch.get_num_threads(),
        }
        sizes = zip(segment.plan.input_names, segment.plan.input_shapes, strict=True)
        fixed = model.clone()
        fixed.reshape({name: [batch, *shape] for name, shape in sizes})
        requests = {batch: core.compile_model(fixed, "CPU", settings).create_infer_request()}

        def run(inputs: Sequence[Tensor]) -> list[Tensor]:
            clips = len(inputs[0])
            if clips not in requests:
                clips = 0
                if 0 not in requests:  # rarely needed, so made when it is
                    requests[0] = core.compile_model(model, "CPU", settings).create_infer_request()
            request = requests[clips]
            arrays = [tensor.contiguous().numpy() for tensor in inputs]  # alive while the request reads them
            for place, array in enumerate(arrays):
                request.set_input_tensor(place, openvino.Tensor(array, shared_memory=True))
            request.infer()
            return [torch.from_numpy(output.data) for output in request.output_tensors]

        return run
