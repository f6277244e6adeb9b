"""A split with real exits.

Legend: B clips, V videos, K checkpoints.
"""

from collections.abc import Iterable

import torch

from dyninf.batch import Batch
from dyninf.grid import Network
from dyninf.policies import Outcome, Policy, ranked_classes
from dyninf.runtime.infer import infer


def evaluate(
    network: Network, loader: Iterable[Batch], policy: Policy, device: torch.device | str | None = None
) -> Outcome:
    """Send every video through `infer`; the outcome is of the kind that replaying a trace gives.

    Raises ValueError if the loader is empty.
    """
    device = device or next(network.parameters()).device
    results, labels = [], []
    was_training = network.training
    network.eval()
    for batch in loader:
        results.append(infer(network, batch.video_TCHW.to(device), policy))
        labels.append(batch.label)
    network.train(was_training)
    if not results:
        raise ValueError("nothing to evaluate: the loader is empty")
    macs_K = network.costs(*batch.video_TCHW.shape[-2:]).macs_K
    return Outcome.of(
        ranked_classes(torch.cat([result.logits_BN for result in results])),
        torch.cat(labels),
        torch.cat([result.checkpoint_B for result in results]),
        macs_K,
    )
