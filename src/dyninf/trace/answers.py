"""A pass of a network over a loader, every checkpoint of every video.

Legend: B clips, K checkpoints, N classes.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from dyninf.batch import Batch
from dyninf.grid import Network, fingerprint, video_answers, video_shape
from dyninf.policies import check_logits
from dyninf.trace.info import TraceInfo


class Answers(NamedTuple):
    """Of a batch, on the CPU. gate_BK: where the network has gates. shape: what a video's costs depend on."""

    logits_BKN: Tensor
    gate_BK: Tensor | None
    label_B: Tensor
    video_ids: Sequence[str]
    shape: tuple[int, ...]


def answers(network: Network, loader: Iterable[Batch]) -> Iterator[Answers]:
    """Run `network`, in the mode it is in, over all batches.

    Raises ValueError that names the video if a logit is not finite.
    """
    device = next(network.parameters()).device
    for batch in loader:
        with torch.inference_mode():
            logits_BKN, gate_BK = video_answers(network, batch.video.to(device))
        check_logits(logits_BKN, batch.video_id)
        gate_BK = None if gate_BK is None else gate_BK.cpu()
        yield Answers(
            logits_BKN.cpu(), gate_BK, batch.label.cpu(), list(batch.video_id), video_shape(batch.video)
        )


def info_of(network: Network, split: str, classes: Sequence[str] | None = None) -> TraceInfo:
    """What a trace of a network on a split says; classes without names are numbered."""
    return TraceInfo(
        network=network.name,
        fingerprint=fingerprint(network),
        split=split,
        checkpoints=tuple(checkpoint.name for checkpoint in network.checkpoints),
        classes=tuple(classes or (str(n) for n in range(network.num_classes))),
    )
