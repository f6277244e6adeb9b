"""A segment as an ONNX graph, which other engines read.

Legend: B clips, called ``clips`` in the graph, of any number.
"""

from __future__ import annotations

import io
import logging
import warnings
from contextlib import redirect_stdout
from pathlib import Path

import torch

from dyninf.grid import Segment


def write_onnx(segment: Segment, path: Path) -> None:
    """Write the segment with its weights; inputs and outputs have the segment's names."""
    from onnx_ir.passes.common import ClearMetadataAndDocStringPass

    inputs = segment.example(2)  # one clip would be taken for a size that is fixed
    clips = torch.export.Dim("clips")
    for talkative in ("onnxscript", "onnx_ir"):  # every constant that they find twice
        logging.getLogger(talkative).setLevel(logging.WARNING)
    with warnings.catch_warnings(), redirect_stdout(io.StringIO()), torch.no_grad():
        warnings.simplefilter("ignore")  # of the exporter, about what it is built on
        program = torch.onnx.export(
            segment,
            inputs,
            dynamo=True,
            verbose=False,
            input_names=list(segment.plan.input_names),
            output_names=list(segment.output_names),
            dynamic_shapes=(tuple({0: clips} for _ in inputs),),
        )
    assert program is not None
    # Which line of the source each node is from, with this machine's paths; more than the nodes themselves.
    ClearMetadataAndDocStringPass()(program.model)
    path.parent.mkdir(parents=True, exist_ok=True)
    program.save(str(path))
