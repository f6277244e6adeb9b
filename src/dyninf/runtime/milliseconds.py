"""What leaving at each checkpoint takes in time, measured where the network runs.

Legend: B clips, J checkpoints so far, K in all, Q views, T frames, H, W.
"""

import time

import torch
from torch import Tensor

from dyninf.grid import Network, evaluation_mode
from dyninf.policies import Evidence, MaxProbability
from dyninf.runtime.infer import infer

WARM_UP = 3


def measure_milliseconds(
    network: Network, height: int, width: int, repeats: int = 30, views: int = 1
) -> Tensor:
    """Cumulative milliseconds (K,) of one video up to and including the decision at checkpoint k.

    `infer` takes a random clip, alone in its batch, along the whole route, `repeats` times after `WARM_UP`
    more; the time from one checkpoint to the next is the median over these rounds, so that a round in which
    the machine did something else counts for nothing. With `views`, of a video in so many. Decoding the
    video is not in it. The network stays on its device, and as it is.

    Raises ValueError if `repeats` or `views` is below 1.
    """
    for name, value in (("repeats", repeats), ("views", views)):
        if value < 1:
            raise ValueError(f"{name} must be 1 or more, got {value}")
    device = next(network.parameters()).device
    draw = torch.Generator().manual_seed(0)
    clips_QTCHW = torch.randn(views, network.num_frames, 3, height, width, generator=draw)
    video = clips_QTCHW[None] if views > 1 else clips_QTCHW
    rounds = []
    with evaluation_mode(network):
        for _ in range(WARM_UP + repeats):
            clock = _Clock(device)
            infer(network, video, clock)
            rounds.append(torch.tensor(clock.times, dtype=torch.float64).diff())
    step_RK = torch.stack(rounds[WARM_UP:]) * 1000
    return step_RK.median(0).values.cumsum(0)


class _Clock(MaxProbability):
    """Lets nobody leave before the last checkpoint, and notes when each decision has been made."""

    def __init__(self, device: torch.device) -> None:
        super().__init__(2.0)
        self._device = device
        self.times = [self._now()]

    def stops(self, evidence: Evidence, num_checkpoints: int) -> Tensor:
        stops_B = super().stops(evidence, num_checkpoints)
        self.times.append(self._now())
        return stops_B

    def _now(self) -> float:
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        return time.perf_counter()
