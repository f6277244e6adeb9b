"""Counting the pictures in packets of MPEG-4 part 2, without decoding them.

XviD and DivX put two pictures into one packet of an AVI file, and an empty one into the next to keep the
count; such files have fewer pictures than packets or promise one too many. Source of the fields:
ISO/IEC 14496-2, 6.2.3 (video object layer) and 6.2.5 (video object plane).
"""

from __future__ import annotations

import re

_LAYER = re.compile(rb"\x00\x00\x01[\x20-\x2f]")
_PICTURE = re.compile(rb"\x00\x00\x01\xb6")


class PictureCounter:
    """Counts pictures packet by packet.

    pictures: so far; None where that cannot be told;
    one_each: every packet so far held one picture.
    header: the bytes before the first packet, or None.
    """

    def __init__(self, header: bytes | None) -> None:
        self.pictures: int | None = 0
        self.one_each = True
        self._time_bits: int | None = None
        self._read_layer(header or b"")

    def add(self, packet: bytes) -> None:
        """Count a packet; an empty one stands for one that is damaged or not to be shown."""
        self._read_layer(packet)
        starts = [start.end() for start in _PICTURE.finditer(packet)]
        if not packet or self._time_bits is None:
            self.pictures, self.one_each = None, self.one_each and not packet
            return
        found = sum(_is_coded(_Bits(packet[start : start + 40]), self._time_bits) for start in starts)
        self.one_each = self.one_each and found == 1
        if self.pictures is not None:
            self.pictures += found

    def _read_layer(self, data: bytes) -> None:
        if layer := _LAYER.search(data):
            self._time_bits = _time_bits(_Bits(data[layer.end() : layer.end() + 40]))


class _Bits:
    """Bits of some bytes from the first on; past the end they are 0."""

    def __init__(self, data: bytes) -> None:
        self._value, self._left = int.from_bytes(data, "big") << 256, 8 * len(data) + 256

    def take(self, count: int) -> int:
        self._left -= count
        return self._value >> max(self._left, 0) & ((1 << count) - 1)


def _time_bits(bits: _Bits) -> int:
    """Length of the field that a picture's time has."""
    bits.take(1 + 8)  # random access, type
    version = bits.take(4 + 3) >> 3 if bits.take(1) else 1
    if bits.take(4) == 15:  # the shape of a pixel is written out
        bits.take(8 + 8)
    if bits.take(1):  # control parameters: chroma, low delay, buffer
        bits.take(2 + 1)
        if bits.take(1):
            bits.take(79)
    if bits.take(2) == 3 and version != 1:  # a grey shape has an extension
        bits.take(4)
    bits.take(1)
    return max((bits.take(16) - 1).bit_length(), 1)


def _is_coded(bits: _Bits, time_bits: int) -> bool:
    bits.take(2)  # I, P, B or S
    for _ in range(64):  # seconds since the last one; more than a minute is damage
        if not bits.take(1):
            break
    bits.take(1 + time_bits + 1)
    return bool(bits.take(1))
