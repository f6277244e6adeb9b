"""OpenVINO, on the CPU."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from dyninf.grid import Segment
from dyninf.runtime.engines.base import Compiled, Engine
from dyninf.runtime.engines.graph_files import GraphFiles
from dyninf.runtime.engines.openvino_layout import keep_channels_innermost

if TYPE_CHECKING:
    import openvino


class OpenVino(Engine):
    """A graph of fixed size for the batch it is compiled for, and one for any other number of clips.

    In float32, which is not what OpenVINO takes by itself where a processor can do bfloat16.
    """

    name = "openvino"
    needs = ("openvino", "onnxscript")
    extra = "openvino"
    shift_apart = True

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
        shapes = [tuple(output.shape)[1:] for output in fixed.outputs]
        keep_channels_innermost(fixed)
        of_batch = _Request(core.compile_model(fixed, "CPU", settings), shapes)
        of_any: list[_Request] = []  # rarely needed, so made when it is

        def run(inputs: Sequence[Tensor]) -> list[Tensor]:
            if len(inputs[0]) == batch:
                return of_batch.infer(inputs)
            if not of_any:
                of_any.append(_Request(core.compile_model(model, "CPU", settings), shapes))
            return of_any[0].infer(inputs)

        return run


class _Request:
    """A compiled graph with the memory that it reads and writes.

    shapes: of its outputs, for one clip.
    """

    def __init__(self, model: openvino.CompiledModel, shapes: Sequence[tuple[int, ...]]) -> None:
        self._request = model.create_infer_request()
        self._shapes = shapes
        self._held: list[Any] = [None] * len(model.inputs)
        self._outputs: list[Tensor] = []
        self._clips = 0

    def infer(self, inputs: Sequence[Tensor]) -> list[Tensor]:
        import openvino

        clips = len(inputs[0])
        arrays = [tensor.contiguous().numpy() for tensor in inputs]
        if clips != self._clips:
            self._held, self._clips = [None] * len(arrays), 0  # until the request has run
        for place, (array, held) in enumerate(zip(arrays, self._held, strict=True)):
            # A quarter of a millisecond for those of a step, most of which lie where they lay the last time.
            if held is None or array.ctypes.data != held.ctypes.data:
                self._request.set_input_tensor(place, openvino.Tensor(array, shared_memory=True))
        self._held = arrays  # so that nothing else comes to lie there, before the request reads or after
        self._request.infer()
        if clips != self._clips:  # as long as it stays the same, so does the memory
            outputs = zip(self._request.output_tensors, self._shapes, strict=True)
            self._outputs = [torch.from_numpy(output.data).view(clips, *shape) for output, shape in outputs]
            self._clips = clips
        return self._outputs
