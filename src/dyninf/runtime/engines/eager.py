"""PyTorch as it is."""

from collections.abc import Sequence

import torch
from torch import Tensor

from dyninf.grid import Segment
from dyninf.runtime.engines.base import Compiled, Engine
from dyninf.runtime.engines.graph_files import GraphFiles


class Eager(Engine):
    """Operation by operation, with the colours and channels innermost; on whatever device the network is."""

    name = "eager"

    def compile(self, segment: Segment, batch: int, graphs: GraphFiles) -> Compiled:
        def run(inputs: Sequence[Tensor]) -> list[Tensor]:
            with torch.inference_mode():
                return list(segment(*inputs))

        return run
