"""Which packets to decode for the frames that are wanted: a function of numbers, which opens nothing.

F frames in the order in which they are shown. Packets are numbered in the order in which they are stored,
which is the order of decoding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

JUMP_COST = 0.3
"""What a jump to a key frame costs, in decoded frames: emptying the decoder and starting it again.

Measured on 340x256 H.264 with PyAV 18.1 on one thread: decoding all of a clip, with a fresh start at every
key frame, costs 0.2 to 0.5 frames a start more than reading through it (`experiments/decoding`). What is
jumped over is a whole number of packets, so that any cost from 0 to less than 1 gives the same plan.
"""


@dataclass(frozen=True)
class Standing:
    """Where a decoder stands: it took every packet from `start`, a key frame's, up to before `position`.

    inside: frames whose packets it has taken, and that come out if it goes on.
    """

    start: int
    position: int
    inside: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Run:
    """Packets to decode one after the other.

    jump: empty the decoder and begin at packet `first`; otherwise `first` is where the decoder stands;
    last: the packet after which all of `frames` have gone in;
    frames: the wanted frames that come out, ascending.
    """

    jump: bool
    first: int
    last: int
    frames: tuple[int, ...]


def plan(
    packet_F: Sequence[int], key_F: Sequence[int], wanted: Iterable[int], standing: Standing | None = None
) -> list[Run]:
    """The runs that decode the fewest packets, where a jump counts as `JUMP_COST` of them.

    After a wanted frame the decoder stands at the same place whether it jumped or went on; so choosing frame
    by frame is the optimum.

    Args:
        packet_F: the packet that a frame is in.
        key_F: the packet of the key frame from which a frame can be decoded.
        wanted: frames, in any order.
        standing: of the decoder; None where it has to jump first.
    """
    runs: list[Run] = []
    for frame in sorted(set(wanted)):
        packet, key = packet_F[frame], key_F[frame]
        if standing is None or not _comes(frame, packet, key, standing, runs) or _saves(key, standing):
            runs.append(Run(True, key, packet, (frame,)))
            standing = Standing(key, packet + 1)
            continue
        last = max(packet, standing.position - 1)
        if runs:
            runs[-1] = Run(runs[-1].jump, runs[-1].first, last, (*runs[-1].frames, frame))
        else:
            runs.append(Run(False, standing.position, last, (frame,)))
        standing = Standing(standing.start, last + 1, standing.inside)
    return runs


def _comes(frame: int, packet: int, key: int, standing: Standing, runs: list[Run]) -> bool:
    """Whether the frame comes out if the decoder goes on."""
    # A frame that is shown late may be stored early: then the run up to here takes it along.
    taken_along = bool(runs) and packet >= runs[-1].first
    return key >= standing.start and (packet >= standing.position or taken_along or frame in standing.inside)


def _saves(key: int, standing: Standing) -> bool:
    return key - standing.position > JUMP_COST
