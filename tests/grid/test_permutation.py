"""Which frames each group has.

Legend: T frames, G groups, n = T/G frames a group.
"""

import itertools

import pytest

from dyninf.grid import permutation

SIZES = [(T, G) for T in range(1, 33) for G in range(1, T + 1) if T % G == 0]


@pytest.mark.parametrize("order", ["permuted", "plain", "bisection"])
def test_groups_share_out_the_frames_and_are_ascending_inside(order: str) -> None:
    for T, G in SIZES:
        groups = permutation(order, T, G)
        assert len(groups) == G
        assert {len(group) for group in groups} == {T // G}
        assert sorted(itertools.chain(*groups)) == list(range(T))
        assert all(list(group) == sorted(group) for group in groups)


def test_every_permuted_group_has_one_frame_of_each_part_of_the_clip() -> None:
    for T, G in SIZES:
        n = T // G
        if n > 1:
            for group in permutation("permuted", T, G):
                assert [frame * n // T for frame in group] == list(range(n)), (T, G)


def test_the_first_permuted_group_has_the_first_and_the_last_frame() -> None:
    for T, G in SIZES:
        if T // G > 1:
            first = permutation("permuted", T, G)[0]
            assert (first[0], first[-1]) == (0, T - 1)


def test_permuted_groups_of_the_papers_example() -> None:
    assert permutation("permuted", 8, 2) == ((0, 3, 5, 7), (1, 2, 4, 6))


def test_plain_groups_are_consecutive() -> None:
    assert permutation("plain", 8, 2) == ((0, 1, 2, 3), (4, 5, 6, 7))
    assert permutation("plain", 6, 6) == ((0,), (1,), (2,), (3,), (4,), (5,))


def test_bisection_is_the_order_of_frame_exit() -> None:
    assert permutation("bisection", 10, 10) == ((5,), (0,), (9,), (2,), (7,), (4,), (6,), (3,), (8,), (1,))
    assert permutation("bisection", 10, 5) == ((0, 5), (2, 9), (4, 7), (3, 6), (1, 8))


def test_bisection_always_takes_from_a_widest_gap() -> None:
    for T in range(4, 33):
        order = [group[0] for group in permutation("bisection", T, T)]
        assert order[:3] == [T // 2, 0, T - 1]
        for i in range(3, T):
            seen = sorted(order[:i])
            gaps = {(a, b): b - a for a, b in itertools.pairwise(seen)}
            ((gap, width),) = [(gap, width) for gap, width in gaps.items() if gap[0] < order[i] < gap[1]]
            assert width == max(gaps.values())
            assert abs(2 * order[i] - sum(gap)) <= 1


def test_groups_of_one_frame_come_coarse_to_fine() -> None:
    for T in range(1, 33):
        assert permutation("permuted", T, T) == permutation("bisection", T, T)


@pytest.mark.parametrize("order", ["permuted", "plain", "bisection"])
def test_groups_that_do_not_divide_the_frames_are_refused_with_those_that_do(order: str) -> None:
    with pytest.raises(ValueError, match=r"8 frames .* 3 groups .*\[1, 2, 4, 8\]"):
        permutation(order, 8, 3)
    with pytest.raises(ValueError, match=r"\[1, 2, 4\]"):
        permutation(order, 4, 8)


@pytest.mark.parametrize("frames, groups", [(0, 1), (4, 0), (4, -2), (-4, 2)])
@pytest.mark.parametrize("order", ["permuted", "plain", "bisection"])
def test_frames_and_groups_are_at_least_one(order: str, frames: int, groups: int) -> None:
    with pytest.raises(ValueError, match="at least one frame and one group"):
        permutation(order, frames, groups)


def test_an_unknown_order_is_refused_with_the_known_ones() -> None:
    with pytest.raises(ValueError, match="'random' is unknown; choose one of permuted, plain, bisection"):
        permutation("random", 8, 2)
