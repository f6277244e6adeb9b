"""torch.compile: a graph of fused operations, with weights taken as constants."""

from collections.abc import Sequence

import torch
import torch._inductor.config
from torch import Tensor

from dyninf.grid import Segment
from dyninf.runtime.engines.base import Compiled, Engine
from dyninf.runtime.engines.graph_files import GraphFiles


class Inductor(Engine):
    """Needs a C++ compiler at run time on a CPU."""

    name = "compile"

    def compile(self, segment: Segment, batch: int, graphs: GraphFiles) -> Compiled:
        # Sizes stay fixed for `batch`; another number of clips is compiled once more, for any number.
        compiled = torch.compile(segment, options={"freezing": True})

        def run(inputs: Sequence[Tensor]) -> list[Tensor]:
            with torch.inference_mode():
                return list(compiled(*inputs))

        return run
