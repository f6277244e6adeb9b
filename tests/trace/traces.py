"""Traces of random logits.

Legend: V videos, K checkpoints, N classes.
"""

import torch

from dyninf.trace import Trace, TraceInfo


def random_trace(
    videos: int = 40, checkpoints: int = 4, classes: int = 7, seed: int = 0, gates: bool = False
) -> Trace:
    """Labels are easier to guess at later checkpoints, and at some videos than at others; so say gates."""
    draw = torch.Generator().manual_seed(seed)
    label_V = torch.randint(classes, (videos,), generator=draw)
    logits_VKN = torch.randn(videos, checkpoints, classes, generator=draw)
    ease_V = 3 * torch.rand(videos, generator=draw)
    strength_VK = ease_V[:, None] * torch.linspace(0.5, 1.5, checkpoints)
    logits_VKN[torch.arange(videos), :, label_V] += strength_VK
    return Trace(
        logits_VKN,
        label_V,
        tuple(f'class "{v % 3}", video-{v}' for v in range(videos)),
        torch.arange(1, checkpoints + 1, dtype=torch.float64) * 1e9 / 3,
        TraceInfo(
            network="random-network",
            fingerprint="0123456789abcdef",
            split="random/test",
            checkpoints=tuple(f"{k + 1}f-res5" for k in range(checkpoints)),
            classes=tuple(f"class {n}" for n in range(classes)),
        ),
        (strength_VK - 1.5).double().sigmoid() if gates else None,
    )
