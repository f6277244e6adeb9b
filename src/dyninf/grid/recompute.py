"""Activation checkpointing: less memory in training for a second forward pass."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import TypeVar, cast

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.utils.checkpoint import checkpoint

T = TypeVar("T")


def computed_again(function: Callable[..., T], module: nn.Module, *inputs: Tensor) -> T:
    """``function(*inputs)``, whose inner results are computed again for the gradient and not stored.

    module: what the function runs; its batch norms count the batch once.
    """
    result: T = checkpoint(
        function, *inputs, use_reentrant=False, context_fn=lambda: (nullcontext(), still_norms(module))
    )
    return result


@contextmanager
def still_norms(module: nn.Module) -> Iterator[None]:
    """Batch norms normalise as they do, but leave their running statistics as they are."""
    norms = [part for part in module.modules() if isinstance(part, _BatchNorm) and part.track_running_stats]
    before = [(norm.momentum, norm.num_batches_tracked) for norm in norms]
    for norm in norms:
        norm.momentum = 0.0  # what the second pass stores has to look like what the first one stored
        norm.num_batches_tracked = cast(Tensor, norm.num_batches_tracked).clone()
    try:
        yield
    finally:
        for norm, (momentum, count) in zip(norms, before, strict=True):
            norm.momentum, norm.num_batches_tracked = momentum, count
