"""A handful of videos of a split: where each left, and why.

Legend: V videos, K checkpoints, T frames, C, H, W.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from dyninf.data import ClipTransform, VideoDataset
from dyninf.policies import Outcome, Policy
from dyninf.trace import Trace

HEIGHT = 112
"""Most pixels of a strip's height."""


@dataclass(frozen=True)
class Example:
    """A video that left at `checkpoint`; why: its confidence against the threshold at each on the way."""

    video_id: str
    label: str
    predicted: str
    checkpoint: str
    gmacs: float
    why: str


def examples(trace: Trace, policy: Policy, left: Outcome, count: int = 8) -> list[Example]:
    """Up to `count` videos, evenly spread from those that left first to those that left last."""
    names, classes = trace.info.checkpoints, trace.info.classes
    scores_VK, thresholds_K = trace.scores(policy), policy.thresholds(len(names))
    order_V = left.checkpoint_V.argsort(stable=True)
    places = torch.linspace(0, len(order_V) - 1, min(count, len(order_V))).round().long()
    found = []
    for v in order_V[places].tolist():
        last = int(left.checkpoint_V[v])
        why = [_step(names[k], scores_VK[v, k], thresholds_K[k], k == last) for k in range(last + 1)]
        found.append(
            Example(
                trace.video_ids[v],
                classes[int(trace.label_V[v])],
                classes[int(left.predicted_V[v])],
                names[last],
                trace.macs_K[last].item() / 1e9,
                ", ".join(why),
            )
        )
    return found


def strip_of(dataset: VideoDataset, transform: ClipTransform, video_id: str) -> Tensor:
    """The frames that the network sees of a video, side by side, uint8 (H, T·W, C).

    dataset: with one view a video. transform: what it makes clips with.

    Raises VideoError if it cannot be read.
    """
    place = next(i for i, video in enumerate(dataset.videos) if video.video_id == video_id)
    video_TCHW = dataset[place].video
    mean_C, std_C = (torch.tensor(value)[:, None, None] for value in (transform.mean, transform.std))
    pixels_TCHW = video_TCHW * std_C + mean_C
    if pixels_TCHW.shape[-2] > HEIGHT:
        size = (HEIGHT, HEIGHT * pixels_TCHW.shape[-1] // pixels_TCHW.shape[-2])
        pixels_TCHW = interpolate(pixels_TCHW, size, mode="bilinear", antialias=True)
    return torch.cat(list(pixels_TCHW), -1).mul(255).round().clamp(0, 255).byte().permute(1, 2, 0)


def _step(name: str, score: Tensor, threshold: Tensor, leaves: bool) -> str:
    if leaves and threshold == -torch.inf:
        return f"{name} {score:.3f}, the last"
    return f"{name} {score:.3f} {'≥' if leaves else '<'} {threshold:.3f}"
