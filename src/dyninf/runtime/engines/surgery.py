"""A walk over a clip, watched layer by layer; what was noted of its tensors; a layer in the place of another.

Legend: T frames, C, H, W, K checkpoints, N classes.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import Any, Generic, TypeVar

import torch
from torch import Tensor, nn

from dyninf.grid import Network, evaluation_mode

T = TypeVar("T")


class Notes(Generic[T]):
    """Something noted of tensors for as long as they are there; none is kept for it."""

    def __init__(self) -> None:
        self._notes: dict[int, tuple[weakref.ref[Tensor], T]] = {}

    def add(self, tensor: Tensor, what: T) -> None:
        self._notes[id(tensor)] = weakref.ref(tensor), what

    def get(self, value: Any) -> T | None:
        """What was noted of this very tensor, or None."""
        tensor, what = self._notes.get(id(value), (None, None))
        return what if tensor is not None and tensor() is value else None


Note = Callable[[nn.Module, tuple[Any, ...], Any], None]
"""Told of a layer, its inputs and its output."""


def watch(network: Network, video_1TCHW: Tensor, note: Note = lambda layer, inputs, output: None) -> Tensor:
    """Logits (1, K, N) of a clip, whose walk is noted layer by layer."""
    leaves = [module for module in network.modules() if not any(module.children())]
    handles = [module.register_forward_hook(note) for module in leaves]
    try:
        with torch.inference_mode(), evaluation_mode(network):
            logits_1KN: Tensor = network(video_1TCHW)
            return logits_1KN
    finally:
        for handle in handles:
            handle.remove()


def put(network: nn.Module, name: str, module: nn.Module) -> None:
    """Have a module in the place of the one that is found by this name."""
    parent, _, last = name.rpartition(".")
    setattr(network.get_submodule(parent), last, module)
