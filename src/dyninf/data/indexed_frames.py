"""Decoding chosen frames of an indexed video, jumping between key frames. F frames, as in `packet_index`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Set

from av.packet import Packet
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame

from dyninf.data.decode_plan import Run, Standing, plan
from dyninf.data.packet_index import PacketIndex

# In these no frame is predicted from one that the decoder leaves out as "not a reference": a slice with
# nal_ref_idc 0 (ITU-T H.264, 7.4.1) and a B picture (ISO/IEC 13818-2 and 14496-2). In HEVC, frames of a
# higher temporal layer may use it.
_MAY_SKIP = frozenset({"h264", "mpeg1video", "mpeg2video", "mpeg4"})


class NotAsIndexed(Exception):
    """The decoder gave other frames than the index says; the video has to be read through."""


class IndexedFrames:
    """Decodes frames of one video, by their numbers.

    Args:
        index: one that tells frames.
        context: the decoder, fresh.
        packets_from: the packets from one of this number on, in order.
    """

    def __init__(
        self, index: PacketIndex, context: VideoCodecContext, packets_from: Callable[[int], Iterator[Packet]]
    ) -> None:
        self._index = index
        self._context = context
        self._packets_from = packets_from
        self._frame_at = {time: frame for frame, time in enumerate(index.pts_F)}
        self._kept: dict[int, VideoFrame] = {}
        self._packets: Iterator[Packet] = iter(())
        self._standing: Standing | None = None  # None where the decoder is spent
        self._next = 0  # frames come out in ascending order, from the first that its key frame allows
        self._key_is_due = False

    def take(self, wanted: Set[int], later: Set[int]) -> dict[int, VideoFrame]:
        """Decode the wanted frames, and keep those that are wanted later and lie on the way.

        Raises:
            NotAsIndexed: another frame came out, a frame is damaged, or one did not come.
        """
        keep = wanted | later
        runs = plan(self._index.packet_F, self._index.key_F, wanted - self._kept.keys(), self._standing)
        for number, run in enumerate(runs):
            # What is still in the decoder is worth going on for only where the next group is near.
            goes_on = number == len(runs) - 1 and self._is_followed(run, later)
            self._decode(run, keep, goes_on)
        taken = {frame: self._kept[frame] for frame in wanted}
        self._kept = {frame: picture for frame, picture in self._kept.items() if frame in later}
        return taken

    def _is_followed(self, run: Run, later: Set[int]) -> bool:
        """Whether a frame wanted later would be decoded from before the end of the run."""
        index = self._index
        return any(
            frame > run.frames[-1] and index.key_F[frame] <= run.last for frame in later - self._kept.keys()
        )

    def _decode(self, run: Run, keep: Set[int], goes_on: bool) -> None:
        standing = self._jump(run.first) if run.jump or self._standing is None else self._standing
        position, inside = standing.position, set(standing.inside)
        frame_in = {self._index.packet_F[frame]: frame for frame in keep}
        due = set(run.frames)
        while due and (goes_on or position <= run.last):
            packet = next(self._packets, None)
            if packet is None:
                break
            # A key frame is never left out: it has to come first, or the index is wrong.
            whole = position in frame_in or position == standing.start or self._context.name not in _MAY_SKIP
            self._context.skip_frame = "DEFAULT" if whole else "NONREF"
            if position in frame_in:
                inside.add(frame_in[position])
            position += 1
            out = self._receive(self._context.decode(packet), keep)
            inside, due = inside - out, due - out
        if due or not goes_on:
            # Without further packets it gives all that it holds, and then needs a fresh start.
            due -= self._receive(self._context.decode(None), keep)
            self._standing = None
        else:
            self._standing = Standing(standing.start, position, frozenset(inside))
        if due:
            raise NotAsIndexed

    def _jump(self, packet: int) -> Standing:
        self._context.flush_buffers()
        self._packets = self._packets_from(packet)
        self._next = self._index.key_F.index(packet)
        self._key_is_due = self._index.packet_F[self._next] == packet
        return Standing(packet, packet)

    def _receive(self, pictures: Iterable[VideoFrame], keep: Set[int]) -> set[int]:
        """Keep what is to be kept of the pictures that came out; the frames that were."""
        kept = set()
        for picture in pictures:
            frame = None if picture.pts is None else self._frame_at.get(picture.pts)
            if frame is None:
                raise NotAsIndexed
            if frame < self._next:
                continue  # shown before the key frame, and predicted from what was jumped over
            if self._key_is_due and frame > self._next:
                raise NotAsIndexed
            self._key_is_due = False
            self._next = frame + 1
            # After damage libav's H.264 decoder gives other pixels when it is emptied and started again.
            if picture.is_corrupt:
                raise NotAsIndexed
            if frame in keep:
                self._kept[frame] = picture
                kept.add(frame)
        return kept
