"""Where each frame of a video is, from its packets alone: nothing is decoded.

F frames in the order in which they are shown. Packets are numbered in the order in which they are stored,
which is the order of decoding.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from av.packet import Packet
from av.video.stream import VideoStream

from dyninf.data.mpeg4_pictures import PictureCounter

# Each packet holds one picture; mpeg4 and vp8 have exceptions, which are looked for.
_ONE_A_PACKET = frozenset(
    {"av1", "ffv1", "h264", "hevc", "libdav1d", "mjpeg", "mpeg1video", "mpeg2video", "mpeg4", "vp8", "vp9"}
)
_PROGRESSIVE = (0, 1)  # AVFieldOrder: unknown, progressive. Fields may come in packets of their own


@dataclass(frozen=True)
class PacketIndex:
    """Times, packets and key frames of all frames.

    frames: their number; None where only decoding tells;
    pts_F: when each is shown, ascending, in units of the stream;
    packet_F: the packet that it is in;
    key_F: the packet of the key frame from which it can be decoded.
    All three are empty where packets do not tell which frame is which: such a video is to be read through.
    """

    frames: int | None = None
    pts_F: tuple[int, ...] = ()
    packet_F: tuple[int, ...] = ()
    key_F: tuple[int, ...] = ()

    @property
    def tells_frames(self) -> bool:
        return bool(self.pts_F)


def index_packets(packets: Iterable[Packet], stream: VideoStream) -> PacketIndex:
    """Index the packets of a stream, all of them in the order in which they are stored.

    It tells which frame is which only where every packet has a time of its own, is whole, and holds one
    picture, and where each frame comes after a key frame that is shown before it.
    """
    context = stream.codec_context
    clear = context.name in _ONE_A_PACKET and int(context.field_order) in _PROGRESSIVE
    if stream.container.format.name == "avi" and context.name in ("h264", "hevc") and context.has_b_frames:
        clear = False  # AVI stores no times, and libav knows those of B-frames in older codecs only
    counter = PictureCounter(context.extradata) if context.name == "mpeg4" else None
    places = _Places(context.name)
    for number, packet in enumerate(packets):
        if counter is not None:
            counter.add(b"" if packet.is_corrupt or packet.is_discard else bytes(packet))
        clear = clear and places.add(number, packet)
        if counter is None and not clear:
            return PacketIndex()
    if counter is not None and not counter.one_each:
        return PacketIndex(frames=counter.pictures)
    if not clear or not places.shown:
        return PacketIndex()
    pts_F, packet_F, key_F = zip(*sorted(places.shown), strict=True)
    return PacketIndex(len(pts_F), pts_F, packet_F, key_F)


class _Places:
    """shown: time, packet and key packet of each frame, in the order of decoding."""

    def __init__(self, codec: str) -> None:
        self.shown: list[tuple[int, int, int]] = []
        self._codec = codec
        self._keys: list[tuple[int, int]] = []  # time, packet
        self._times: set[int] = set()

    def add(self, number: int, packet: Packet) -> bool:
        """Note a packet's frame; whether it can be told from the others."""
        time = packet.pts
        if time is None or time in self._times or packet.is_corrupt or _changes_decoder(packet, number):
            return False
        self._times.add(time)
        if packet.is_keyframe:
            self._keys.append((time, number))
        if packet.is_discard or _is_hidden(packet, self._codec):
            return True
        # Frames of an open group that are shown before its key frame need the group before.
        key = next((key for key_time, key in reversed(self._keys) if key_time <= time), None)
        if key is not None:
            self.shown.append((time, number, key))
        return key is not None


def _changes_decoder(packet: Packet, number: int) -> bool:
    """A packet that sets the decoder up anew must not be jumped over; the first never is."""
    return number > 0 and (packet.has_sidedata("new_extradata") or packet.has_sidedata("param_change"))


def _is_hidden(packet: Packet, codec: str) -> bool:
    # RFC 6386, 9.1: bit 4 of a VP8 frame says whether it is shown; alternate references are not.
    return codec == "vp8" and not memoryview(packet)[0] & 0x10
