"""Decoding a video from its beginning: the slow way, which defines what frame i is."""

from __future__ import annotations

from collections.abc import Iterator, Set

import av
from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame


class ReadThrough:
    """Decodes all frames up to those that are wanted, on a fresh decoder, and counts them.

    It ends at the first place that cannot be decoded: callers name the damage by what came before. Out of
    memory is no damage.
    position: frames that came out so far.
    """

    def __init__(self, context: VideoCodecContext, packets: Iterator[Packet]) -> None:
        self.position = 0
        self._frames = _decoded(context, packets)
        self._kept: dict[int, VideoFrame] = {}

    def reaches(self, wanted: Set[int]) -> bool:
        """Whether none of the wanted frames has passed without being kept."""
        return all(index >= self.position or index in self._kept for index in wanted)

    def count(self) -> int:
        """Frames of the whole video, all of which then have passed."""
        for _ in self._frames:
            self.position += 1
        return self.position

    def take(self, wanted: Set[int], later: Set[int]) -> dict[int, VideoFrame]:
        """Those of the wanted frames that there are; those wanted later are kept where they pass."""
        keep = wanted | later
        while max(wanted) >= self.position and (frame := next(self._frames, None)) is not None:
            if self.position in keep:
                self._kept[self.position] = frame
            self.position += 1
        taken = {index: self._kept[index] for index in wanted if index in self._kept}
        self._kept = {index: frame for index, frame in self._kept.items() if index in later}
        return taken


def _decoded(context: VideoCodecContext, packets: Iterator[Packet]) -> Iterator[VideoFrame]:
    try:
        for packet in packets:
            yield from context.decode(packet)
        yield from context.decode(None)
    except MemoryError:
        raise
    except av.FFmpegError:
        return
