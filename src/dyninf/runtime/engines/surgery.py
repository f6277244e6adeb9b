"""A walk over a clip, watched layer by layer; and a layer in the place of another.

Legend: T frames, C, H, W.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from dyninf.grid import Network, evaluation_mode

Note = Callable[[nn.Module, tuple[Any, ...], Any], None]
"""Told of a layer, its inputs and its output."""


def watch(network: Network, video_1TCHW: Tensor, note: Note = lambda layer, inputs, output: None) -> None:
    """Have a walk over a clip noted, layer by layer."""
    leaves = [module for module in network.modules() if not any(module.children())]
    handles = [module.register_forward_hook(note) for module in leaves]
    try:
        with torch.inference_mode(), evaluation_mode(network):
            network(video_1TCHW)
    finally:
        for handle in handles:
            handle.remove()


def put(network: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(network.get_submodule(parent), last, module)
