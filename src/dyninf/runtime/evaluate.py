"""A split with real exits.

Legend: B clips, V videos, K checkpoints.
"""

from collections.abc import Iterable

import torch

from dyninf.batch import Batch
from dyninf.grid import Network, evaluation_mode, video_macs, video_shape
from dyninf.policies import LogitsNotFiniteError, Outcome, Policy, ranked_classes
from dyninf.runtime.infer import infer


def evaluate(network: Network, loader: Iterable[Batch], policy: Policy) -> Outcome:
    """Send every video through `infer`; the outcome is of the kind that replaying a trace gives.

    Raises ValueError if the loader is empty, or frame sizes or numbers of views differ; LogitsNotFiniteError
    that names the video if its logits are not finite.

    Videos are numbered on in the order in which the loader gives them, which are their rows in a trace of the
    same loader; one that a loader leaves out has no number in either.
    """
    results, labels, sizes = [], [], set()
    seen = 0
    with evaluation_mode(network):
        for batch in loader:
            sizes.add(video_shape(batch.video))
            try:
                clip_B = torch.arange(seen, seen + len(batch.video))
                results.append(infer(network, batch.video, policy, clip_B, batch.label))
            except LogitsNotFiniteError as error:
                raise LogitsNotFiniteError(error.clip, error.checkpoint, batch.video_id[error.clip]) from None
            labels.append(batch.label)
            seen += len(batch.video)
    if not results:
        raise ValueError("nothing to evaluate: the loader is empty")
    if len(sizes) > 1:
        raise ValueError(
            f"an outcome needs videos of one frame size and number of views, the loader gave {sorted(sizes)}"
        )
    macs_K = video_macs(network, sizes.pop())
    return Outcome.of(
        ranked_classes(torch.cat([result.logits_BN for result in results])),
        torch.cat(labels),
        torch.cat([result.checkpoint_B for result in results]),
        macs_K,
    )
