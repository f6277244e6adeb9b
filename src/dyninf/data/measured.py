"""What a video file holds, by its packets: nothing is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av

from dyninf.data.container import DEFAULT_LIMITS, opened, packets_of
from dyninf.data.limits import Limits


@dataclass(frozen=True)
class Measured:
    """What a file says of its video.

    width, height: pixels of a picture. frames: packets that hold some. seconds: from the first to the last.
    whole: whether all packets could be read, else there may be more.
    """

    width: int
    height: int
    frames: int
    seconds: float
    whole: bool


def measure(path: Path, limits: Limits = DEFAULT_LIMITS) -> Measured:
    """Raises VideoError where it is no video, or beyond the limits."""
    frames, first, last, whole = 0, None, None, True
    with opened(path, limits) as (container, stream):
        size = stream.width, stream.height
        rate = float(stream.average_rate or stream.guessed_rate or 0)
        try:
            for packet in limits.within(path, packets_of(container, stream)):
                frames += 1
                shown = packet.pts if packet.pts is not None else packet.dts
                if shown is not None and packet.time_base is not None:
                    seconds = float(shown * packet.time_base)
                    first = seconds if first is None else min(first, seconds)
                    last = seconds if last is None else max(last, seconds)
        except MemoryError:
            raise
        except av.FFmpegError:
            whole = False  # damaged further on; whether its frames can be read is seen when they are
    if first is not None and last is not None:
        return Measured(*size, frames, last - first, whole)
    return Measured(*size, frames, frames / rate if rate else 0.0, whole)
