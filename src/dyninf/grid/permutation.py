"""Which frames each group has.

Legend: T frames of a clip, G groups, n = T/G frames a group.

A permutation is a tuple of G groups, each a tuple of n frame indices in time order.
"""

from collections.abc import Callable
from itertools import pairwise

Permutation = tuple[tuple[int, ...], ...]


def permuted(num_frames: int, groups: int) -> Permutation:
    """Groups that each span the clip (Wu et al. 2020, "input with permutation").

    That is, cut the clip into n equal segments: every group has exactly one frame of each. A group takes
    ``ceil(linspace(0, last, n))`` of the frames that are left, so that T=8, G=2 gives
    ``((0, 3, 5, 7), (1, 2, 4, 6))``. With one frame a group no group can span the clip; the order is
    then that of `bisection`.

    Raises ValueError if `groups` does not divide `num_frames`.
    """
    size = _group_size(num_frames, groups)
    if size == 1:
        return bisection(num_frames, groups)
    left = list(range(num_frames))
    result = []
    for _ in range(groups):
        # ceil(i * (len - 1) / (size - 1)) in whole numbers: a float linspace may land above an integer.
        positions = [-(-i * (len(left) - 1) // (size - 1)) for i in range(size)]
        result.append(tuple(left[p] for p in positions))
        left = [frame for p, frame in enumerate(left) if p not in set(positions)]
    return tuple(result)


def plain(num_frames: int, groups: int) -> Permutation:
    """Groups of consecutive frames: the first group sees only the beginning of the clip.

    Raises ValueError if `groups` does not divide `num_frames`.
    """
    size = _group_size(num_frames, groups)
    return tuple(tuple(range(g * size, (g + 1) * size)) for g in range(groups))


def bisection(num_frames: int, groups: int) -> Permutation:
    """Coarse to fine (FrameExit, Ghodrati et al. 2021): middle, first, last, then the widest gap's middle.

    Between gaps of equal width the one nearest to the middle of the clip comes first; T=10 gives the
    order 5 0 9 2 7 4 6 3 8 1 of FrameExit's released code. Groups are consecutive runs of that order.

    Raises ValueError if `groups` does not divide `num_frames`.
    """
    size = _group_size(num_frames, groups)
    middle = num_frames // 2
    order = list(dict.fromkeys([middle, 0, num_frames - 1]))
    while len(order) < num_frames:
        seen = sorted(order)
        gaps = [(b - a, round((a + b) / 2)) for a, b in pairwise(seen) if b - a > 1]
        order.append(min(gaps, key=lambda gap: (-gap[0], abs(gap[1] - middle), gap[1]))[1])
    return tuple(tuple(sorted(order[g * size : (g + 1) * size])) for g in range(groups))


PERMUTATIONS: dict[str, Callable[[int, int], Permutation]] = {
    "permuted": permuted,
    "plain": plain,
    "bisection": bisection,
}


def permutation(order: str, num_frames: int, groups: int) -> Permutation:
    """The permutation called `order`: ``permuted``, ``plain`` or ``bisection``.

    Raises ValueError for another name, or if `groups` does not divide `num_frames`.
    """
    if order not in PERMUTATIONS:
        raise ValueError(f"frame order {order!r} is unknown; choose one of {', '.join(PERMUTATIONS)}")
    return PERMUTATIONS[order](num_frames, groups)


def _group_size(num_frames: int, groups: int) -> int:
    if groups < 1 or num_frames < 1:
        raise ValueError(f"need at least one frame and one group, got {num_frames} frames, {groups} groups")
    if num_frames % groups:
        raise ValueError(
            f"{num_frames} frames cannot be cut into {groups} groups of equal size; "
            f"choose groups from {[g for g in range(1, num_frames + 1) if num_frames % g == 0]}"
        )
    return num_frames // groups
