"""A video in several views, which walk the route together and are answered as one.

Legend: B videos, Q views of each, T frames, C, H, W, K checkpoints, N classes.

A video comes as one clip (T, C, H, W) or as Q clips of it (Q, T, C, H, W). Its score at a checkpoint is the
mean of its views' softmax probabilities, kept as its logarithm, so that softmax gives the mean back; a
gate's score is the mean of those for its views; its costs are those of all its views. Testing, traces and
leaving early all have this from here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from dyninf.grid.network import Network


def clips_of(video: Tensor) -> tuple[Tensor, int]:
    """The clips (B·Q, T, C, H, W) of videos (B, Q, T, C, H, W) or (B, T, C, H, W), and Q.

    Raises ValueError if a video has no view.
    """
    if video.ndim != 6:
        return video, 1
    if video.shape[1] == 0:
        raise ValueError(f"a video needs a view at least, got a batch of shape {tuple(video.shape)}")
    return video.flatten(0, 1), video.shape[1]


def average_views(logits: Tensor, views: int) -> Tensor:
    """From the logits (B·Q, …, N) of clips to those (B, …, N) of their videos, float32.

    Logits of one view stay as they are. A view whose logits are not finite makes those of its video NaN.
    """
    logits = logits.float()
    if views == 1:
        return logits
    logits = logits.unflatten(0, (-1, views))
    # In float64 what is left is the rounding of the logits themselves.
    mean = logits.double().log_softmax(-1).logsumexp(1) - math.log(views)
    broken = ~logits.isfinite().all(1)
    return mean.masked_fill(broken, math.nan).float()


def average_gates(gate: Tensor, views: int) -> Tensor:
    """From a gate's scores (B·Q,) of clips to those (B,) of their videos."""
    return gate if views == 1 else gate.unflatten(0, (-1, views)).mean(1)


def video_logits(network: Network, video: Tensor) -> Tensor:
    """Logits (B, K, N) of every checkpoint for videos in one view or several, in one pass."""
    clips_BTCHW, views = clips_of(video)
    return average_views(network(clips_BTCHW), views)


def video_answers(network: Network, video: Tensor) -> tuple[Tensor, Tensor | None]:
    """`video_logits` (B, K, N) and the scores (B, K) of the network's gates, None if it has none."""
    clips_BTCHW, views = clips_of(video)
    logits, gates = [], []
    for place in network.states(clips_BTCHW):
        logits_BN = network.predict(*place)
        logits.append(average_views(logits_BN, views))
        if network.gates is not None:
            gates.append(average_gates(network.gate(*place, logits_BN), views))
    return torch.stack(logits, 1), torch.stack(gates, 1) if gates else None


def video_shape(video: Tensor) -> tuple[int, ...]:
    """What a video's costs depend on: (H, W) of one view, (Q, H, W) of several."""
    return tuple(video.shape[1:-4] + video.shape[-2:])


def video_macs(network: Network, shape: tuple[int, ...]) -> Tensor:
    """Cumulative MACs (K,) of all views of a video of this `video_shape`."""
    *views, height, width = shape
    return network.costs(height, width).macs_K * math.prod(views)
