"""A short name for a network's exact function."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import torch

if TYPE_CHECKING:
    from dyninf.grid.network import Network


def fingerprint(network: Network) -> str:
    """Sixteen hex digits over the way through the grid and over all weights and buffers."""
    digest = hashlib.sha256()
    way = (network.permutation, network.route.cells, network.checkpoints, type(network.shift).__name__)
    digest.update(repr((*way, network.average, network.backbone.variant)).encode())
    for name, tensor in sorted(network.state_dict().items()):
        digest.update(f"{name} {tuple(tensor.shape)} {tensor.dtype}".encode())
        digest.update(tensor.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]
