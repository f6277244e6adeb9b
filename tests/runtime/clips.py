"""Clips that are in memory, for tests of what asks for frames.

Legend: T frames, C, H, W.
"""

import threading
import time

import torch
from torch import Tensor

from dyninf.grid import Network


class MemoryClip:
    """Gives the groups of a clip, as slowly as wanted, and notes what is asked of it.

    fails_at: a group that cannot be read.
    """

    def __init__(
        self,
        network: Network,
        video_TCHW: Tensor,
        name: str = "clip",
        seconds: float = 0.0,
        fails_at: int | None = None,
    ) -> None:
        self.name = name
        self.asked: list[int] = []
        self.closed = 0
        self.threads: set[int] = set()
        self._network = network
        self._video_1TCHW = video_TCHW[None]
        self._seconds = seconds
        self._fails_at = fails_at

    @property
    def frames_decoded(self) -> int:
        return len(self.asked) * self._network.group_size

    def group(self, group: int) -> Tensor:
        assert not self.closed
        self.threads.add(threading.get_ident())
        time.sleep(self._seconds)
        if group == self._fails_at:
            raise ValueError(f"{self.name}: group {group} cannot be read")
        self.asked.append(group)
        return self._network.group_frames_of(self._video_1TCHW, group)[0]

    def close(self) -> None:
        self.threads.add(threading.get_ident())
        self.closed += 1


def broken(video_TCHW: Tensor) -> Tensor:
    """With a frame that makes every logit NaN."""
    video_TCHW = video_TCHW.clone()
    video_TCHW[0] = torch.nan
    return video_TCHW
