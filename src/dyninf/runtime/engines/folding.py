"""Batch norms folded into the convolutions and linear layers before them: the same function, fewer passes."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from dyninf.grid import Network, evaluation_mode


def folded(network: Network, height: int, width: int) -> Network:
    """A copy of the network, in evaluation mode, without the batch norms that follow a layer with weights.

    Which follows which is seen on a walk over one random clip; what a layer gives to anything else than its
    norm, or to several, stays as it is.
    """
    copied = copy.deepcopy(network).eval()
    pairs = _pairs(copied, height, width)
    names = {module: name for name, module in copied.named_modules()}
    for norm, layer in pairs.items():
        if isinstance(layer, nn.Conv2d):
            _put(copied, names[layer], fuse_conv_bn_eval(layer, norm))
        else:
            _put(copied, names[layer], fuse_linear_bn_eval(layer, norm))
        _put(copied, names[norm], nn.Identity())
    for parameter in copied.parameters():
        parameter.requires_grad_(False)
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return copied


def _pairs(network: Network, height: int, width: int) -> dict[_BatchNorm, nn.Conv2d | nn.Linear]:
    """Each batch norm with the layer whose output it always reads, and nothing else does."""
    made: dict[int, tuple[nn.Conv2d | nn.Linear, Tensor]] = {}
    found: dict[_BatchNorm, set[nn.Conv2d | nn.Linear | None]] = {}
    read_by: dict[nn.Module, set[nn.Module]] = {}

    def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        for value in inputs:
            source = made.get(id(value))
            if source is not None:
                read_by.setdefault(source[0], set()).add(module)
        if isinstance(module, _BatchNorm):
            source = made.get(id(inputs[0]))
            found.setdefault(module, set()).add(source[0] if source else None)
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            made[id(output)] = (module, output)  # kept, so that no other tensor gets its id

    leaves = [module for module in network.modules() if not any(module.children())]
    handles = [module.register_forward_hook(note) for module in leaves]
    device = next(network.parameters()).device
    clip_1TCHW = torch.randn(1, network.num_frames, 3, height, width, device=device)
    try:
        with torch.inference_mode(), evaluation_mode(network):
            network(clip_1TCHW)
    finally:
        for handle in handles:
            handle.remove()
    pairs: dict[_BatchNorm, nn.Conv2d | nn.Linear] = {}
    for norm, layers in found.items():
        layer = next(iter(layers))
        if len(layers) == 1 and layer is not None and read_by[layer] == {norm}:
            pairs[norm] = layer
    return pairs


def _put(network: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(network.get_submodule(parent), last, module)
