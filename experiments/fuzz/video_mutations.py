"""Ways to spoil a video file: functions of its bytes and of a random generator."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

SPECIAL = (
    0,
    1,
    2,
    0x7F,
    0xFF,
    0x7FFF,
    0x8000,
    0xFFFF,
    0x10000,
    2**24,
    2**31 - 1,
    2**31,
    2**32 - 1,
    2**62,
    2**64 - 1,
)
"""Numbers at which sizes and counts overflow, or are huge."""
WIDTH, HEIGHT = 64, 48
"""Of the pictures whose declared size is changed."""
_NESTED_BOXES = frozenset(
    {b"moov", b"trak", b"mdia", b"minf", b"stbl", b"edts", b"dinf", b"moof", b"traf", b"mvex"}
)
# EBML, Segment, Info, Tracks, TrackEntry, Video, Cues, CuePoint, Cluster, BlockGroup (RFC 9559)
_NESTED_ELEMENTS = frozenset(
    bytes.fromhex(name)
    for name in "1A45DFA3 18538067 1549A966 1654AE6B AE E0 1C53BB6B BB 1F43B675 A0".split()
)

Generator = np.random.Generator
Mutation = Callable[[bytes, bytes, Generator], bytes]
"""Of a file and of another one; what comes out differs from the first, or happens not to."""


@dataclass(frozen=True)
class Part:
    """A box, chunk or element that a file is made of.

    start, end: its bytes; size_at, size_end: those that declare its size; order: of these bytes.
    """

    start: int
    end: int
    size_at: int
    size_end: int
    order: str


def parts(data: bytes) -> list[Part]:
    """The parts of an mp4, AVI or Matroska file, also those inside others; of another one 188 bytes each."""
    if data[4:8] == b"ftyp":
        return list(_boxes(data, 0, len(data)))
    if data[:4] == b"RIFF":
        return list(_chunks(data, 0, len(data)))
    if data[:4] == b"\x1a\x45\xdf\xa3":
        return list(_elements(data, 0, len(data)))
    return [Part(at, min(at + 188, len(data)), at, at + 4, "big") for at in range(0, len(data), 188)]


def _boxes(data: bytes, at: int, end: int) -> Iterator[Part]:
    while at + 8 <= end:
        size = int.from_bytes(data[at : at + 4], "big")
        stop = at + size if 8 <= size <= end - at else end
        yield Part(at, stop, at, at + 4, "big")
        if data[at + 4 : at + 8] in _NESTED_BOXES:
            yield from _boxes(data, at + 8, stop)
        at = stop


def _chunks(data: bytes, at: int, end: int) -> Iterator[Part]:
    while at + 8 <= end:
        size = int.from_bytes(data[at + 4 : at + 8], "little")
        stop = min(at + 8 + size + size % 2, end)
        yield Part(at, stop, at + 4, at + 8, "little")
        if data[at : at + 4] in (b"RIFF", b"LIST"):
            yield from _chunks(data, at + 12, stop)
        at = stop


def _elements(data: bytes, at: int, end: int) -> Iterator[Part]:
    while at + 2 <= end and data[at]:
        size_at = at + 9 - data[at].bit_length()
        if size_at >= end or not data[size_at]:
            return
        size_end = size_at + 9 - data[size_at].bit_length()
        bits = 7 * (size_end - size_at)
        size = int.from_bytes(data[size_at:size_end], "big") & ((1 << bits) - 1)
        stop = min(size_end + size, end)
        yield Part(at, stop, size_at, size_end, "big")
        if data[at:size_at] in _NESTED_ELEMENTS:
            yield from _elements(data, size_end, stop)
        at = stop


def bit_flips(data: bytes, other: bytes, random: Generator) -> bytes:
    bits = np.unpackbits(np.frombuffer(data, np.uint8))
    bits[random.integers(0, len(bits), 2 ** random.integers(0, 8))] ^= 1
    return np.packbits(bits).tobytes()


def byte_runs(data: bytes, other: bytes, random: Generator) -> bytes:
    """Runs of zeros, ones or noise, mostly where headers are."""
    spoiled = bytearray(data)
    for _ in range(random.integers(1, 4)):
        length = int(2 ** random.integers(0, 10))
        at = int(random.integers(0, len(data) if random.random() < 0.5 else min(1024, len(data))))
        run = _either(random, (bytes(length), b"\xff" * length, random.bytes(length)))
        spoiled[at : at + length] = run[: len(data) - at]
    return bytes(spoiled)


def truncation(data: bytes, other: bytes, random: Generator) -> bytes:
    return data[: random.integers(0, len(data))]


def cut_out(data: bytes, other: bytes, random: Generator) -> bytes:
    """Bytes missing or too many, so that all that follow are shifted."""
    at, length = int(random.integers(0, len(data))), int(random.integers(1, 600))
    if random.random() < 0.5:
        return data[:at] + data[at + length :]
    return data[:at] + random.bytes(length) + data[at:]


def swapped_boxes(data: bytes, other: bytes, random: Generator) -> bytes:
    first, second = sorted(_chosen(data, random, 2), key=lambda part: part.start)
    if second.start < first.end:  # one inside the other: what is inside takes its place
        return data[: first.start] + data[second.start : second.end] + data[first.end :]
    middle = data[first.end : second.start]
    first_data, second_data = data[first.start : first.end], data[second.start : second.end]
    return data[: first.start] + second_data + middle + first_data + data[second.end :]


def duplicated_boxes(data: bytes, other: bytes, random: Generator) -> bytes:
    (part,) = _chosen(data, random, 1)
    times = int(_either(random, (2, 3, 50)))
    return data[: part.start] + times * data[part.start : part.end] + data[part.end :]


def removed_boxes(data: bytes, other: bytes, random: Generator) -> bytes:
    (part,) = _chosen(data, random, 1)
    return data[: part.start] + data[part.end :]


def resized_boxes(data: bytes, other: bytes, random: Generator) -> bytes:
    """A declared size that is not the real one: none, huge, or a little off."""
    spoiled = data
    for part in _chosen(data, random, int(random.integers(1, 4))):
        size = part.end - part.start
        value = int(_either(random, (*SPECIAL, size // 2, size + 1, size - 1, size + 8, 2 * size)))
        spoiled = _with_number(spoiled, part.size_at, part.size_end - part.size_at, value, part.order)
    return spoiled


def huge_fields(data: bytes, other: bytes, random: Generator) -> bytes:
    """Counts, times and offsets inside of headers: none, negative or huge."""
    headers = [part for part in parts(data) if 12 <= part.end - part.start <= 4096] or parts(data)
    spoiled = data
    for _ in range(random.integers(1, 4)):
        part = _either(random, headers)
        at = part.start + 4 * int(random.integers(1, max((part.end - part.start) // 4, 2)))
        width = int(_either(random, (2, 4, 4, 4, 8)))
        spoiled = _with_number(spoiled, at, width, int(_either(random, SPECIAL)), part.order)
    return spoiled


def huge_dimensions(data: bytes, other: bytes, random: Generator) -> bytes:
    """Width and height, wherever they stand as such in the container, or in the stream's own headers."""
    wide, high = (int(_either(random, (0, 1, 17, 4096, 8191, 8192, 16384, 65535))) for _ in range(2))
    bits = bin(int.from_bytes(b"\x01" + data, "big"))[3:]
    for width, between, less in _SIZES:
        before = between.join((f"{WIDTH - less:0{width}b}", f"{HEIGHT - less:0{width}b}"))
        largest = 2**width - 1
        after = between.join(f"{min(max(side - less, 0), largest):0{width}b}" for side in (wide, high))
        bits = bits.replace(before, after)
    changed = int(bits, 2).to_bytes(len(data), "big")
    for length in (4, 2):  # least byte first, as AVI and VP8 have them
        before, after = (
            b"".join(min(side, 2 ** (8 * length) - 1).to_bytes(length, "little") for side in size)
            for size in ((WIDTH, HEIGHT), (wide, high))
        )
        changed = changed.replace(before, after)
    return changed


# Bits of a number, what stands between width and height, and what is subtracted from them: mp4 and H.263;
# tkhd; VP9; MPEG-4 part 2; MPEG-2; JPEG, the height before the width, which matters to no one here.
_SIZES = ((16, "", 0), (32, "", 0), (16, "", 1), (13, "1", 0), (12, "", 0))


def spliced(data: bytes, other: bytes, random: Generator) -> bytes:
    """The beginning of one file and the end of another."""
    return data[: random.integers(0, len(data))] + other[random.integers(0, len(other)) :]


def inserted(data: bytes, other: bytes, random: Generator) -> bytes:
    """A piece of another file inside of this one."""
    at, start = int(random.integers(0, len(data))), int(random.integers(0, len(other)))
    return data[:at] + other[start : start + int(2 ** random.integers(3, 13))] + data[at:]


def random_head(data: bytes, other: bytes, random: Generator) -> bytes:
    length = int(2 ** random.integers(2, 13))
    return random.bytes(length) + data[length:]


def random_body(data: bytes, other: bytes, random: Generator) -> bytes:
    """A file that begins as it should and then is noise."""
    length = int(2 ** random.integers(3, 11))
    return data[:length] + random.bytes(max(len(data) - length, 0))


MUTATIONS: dict[str, Mutation] = {
    "bit flips": bit_flips,
    "byte runs": byte_runs,
    "truncation": truncation,
    "bytes missing or too many": cut_out,
    "swapped boxes": swapped_boxes,
    "duplicated boxes": duplicated_boxes,
    "removed boxes": removed_boxes,
    "resized boxes": resized_boxes,
    "huge counts and times": huge_fields,
    "huge dimensions": huge_dimensions,
    "spliced files": spliced,
    "inserted pieces": inserted,
    "random head": random_head,
    "random body": random_body,
}


def _either(random: Generator, choices: Sequence):
    return choices[int(random.integers(0, len(choices)))]


def _chosen(data: bytes, random: Generator, count: int) -> list[Part]:
    found = parts(data)
    return [found[int(number)] for number in random.integers(0, len(found), count)]


def _with_number(data: bytes, at: int, width: int, value: int, order: str) -> bytes:
    number = (value % 2 ** (8 * width)).to_bytes(width, "big" if order == "big" else "little")
    return data[:at] + number + data[at + width :]
