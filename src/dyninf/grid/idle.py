"""Parameters that a network has and training cannot reach."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from dyninf.grid.meter import ghost_of

if TYPE_CHECKING:
    from dyninf.grid.network import Network


def idle_parameters(network: Network) -> list[str]:
    """Names of the parameters that get no gradient from any checkpoint, whatever the frames.

    Such are those of stages below the last checkpoint, and of finer scales that no head reads. Seen on a
    pass over shapes alone.
    """
    ghost = ghost_of(network)
    ghost.activation_checkpointing = False
    frames_1TCHW = torch.empty(1, network.num_frames, 3, 64, 64, device="meta")
    with torch.enable_grad():
        ghost(frames_1TCHW).sum().backward()
    return [name for name, parameter in ghost.named_parameters() if parameter.grad is None]
