"""What compiles a segment: one graph, ahead of time.

Legend: B clips.
"""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import ClassVar

from torch import Tensor

from dyninf.grid import Segment
from dyninf.runtime.engines.graph_files import GraphFiles

Compiled = Callable[[Sequence[Tensor]], list[Tensor]]
"""From the tensors of a segment's `plan.input_names` to those of its `output_names`, any number of clips.

The results may lie in memory that the next call of the same segment writes again: copy what is to stay.
"""


class Engine(ABC):
    """A way to run segments fast on this machine.

    name: what ``runtime=NAME`` says. needs: packages that have to be installed, which the `extra` has.
    shift_apart: whether it is faster with the temporal shift folded into convolutions (`engines.folded`).
    """

    name: ClassVar[str]
    needs: ClassVar[tuple[str, ...]] = ()
    extra: ClassVar[str | None] = None
    shift_apart: ClassVar[bool] = False

    @classmethod
    def is_there(cls) -> bool:
        """Whether its packages are installed."""
        return all(importlib.util.find_spec(package) is not None for package in cls.needs)

    @classmethod
    def versions(cls) -> tuple[str, ...]:
        """Of what it is made of, so that a choice is made again where one has changed."""
        return tuple(f"{package} {version(package)}" for package in ("torch", *cls.needs))

    @abstractmethod
    def compile(self, segment: Segment, batch: int, graphs: GraphFiles) -> Compiled:
        """The segment as one graph, at its fastest for so many clips.

        graphs: where the engine finds the segment as an ONNX file, if it reads one.

        The network of the segment is in evaluation mode and has its batch norms folded, and where
        `shift_apart` says so its temporal shift (`engines.folded`).
        """
