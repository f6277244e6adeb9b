"""The same function in fewer passes over memory: batch norms folded into the layers before them, the temporal
shift into the convolutions behind it.

Legend: T frames, C, H, W.
"""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils.fusion import fuse_conv_bn_eval, fuse_linear_bn_eval

from dyninf.grid import Network
from dyninf.runtime.engines.shift_apart import fold_shift
from dyninf.runtime.engines.surgery import Notes, put, watch


def folded(network: Network, height: int, width: int, shift_apart: bool = False) -> Network:
    """A copy of the network, in evaluation mode, without the batch norms that follow a layer with weights.

    shift_apart: also without copies of features for the temporal shift, where convolutions alone read what it
        gives. They then multiply the channels that move by zero as well (see `ShiftedConv2d`).

    What follows which is seen on a walk over one random clip; what a layer gives to anything else than its
    norm, or to several, stays as it is.
    """
    copied = copy.deepcopy(network).eval()
    video_1TCHW = torch.randn(
        1, network.num_frames, 3, height, width, device=next(network.parameters()).device
    )
    _fold_norms(copied, video_1TCHW)
    if shift_apart:
        fold_shift(copied, video_1TCHW)
    for parameter in copied.parameters():
        parameter.requires_grad_(False)
        if parameter.ndim == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)
    return copied


def _fold_norms(network: Network, video_1TCHW: Tensor) -> None:
    pairs = _pairs(network, video_1TCHW)
    names = {module: name for name, module in network.named_modules()}
    for norm, layer in pairs.items():
        if isinstance(layer, nn.Conv2d):
            put(network, names[layer], fuse_conv_bn_eval(layer, norm))
        else:
            put(network, names[layer], fuse_linear_bn_eval(layer, norm))
        put(network, names[norm], nn.Identity())


def _pairs(network: Network, video_1TCHW: Tensor) -> dict[_BatchNorm, nn.Conv2d | nn.Linear]:
    """Each batch norm with the layer whose output it always reads, and nothing else does."""
    made: Notes[nn.Conv2d | nn.Linear] = Notes()
    found: dict[_BatchNorm, set[nn.Conv2d | nn.Linear | None]] = {}
    read_by: dict[nn.Module, set[nn.Module]] = {}

    def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        for value in inputs:
            source = made.get(value)
            if source is not None:
                read_by.setdefault(source, set()).add(module)
        if isinstance(module, _BatchNorm):
            found.setdefault(module, set()).add(made.get(inputs[0]))
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            made.add(output, module)

    watch(network, video_1TCHW, note)
    pairs: dict[_BatchNorm, nn.Conv2d | nn.Linear] = {}
    for norm, layers in found.items():
        layer = next(iter(layers))
        if len(layers) == 1 and layer is not None and read_by[layer] == {norm}:
            pairs[norm] = layer
    return pairs
