"""Temporal shifts against loops over clips, frames and channels.

Legend: B clips, t frames of a clip, C channels, c = C/8 of them move, H, W.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from dyninf.grid import Exchange, Frames, NearestShift, NoShift, OfflineShift, OnlineShift, TwoWayShift
from dyninf.grid.permutation import PERMUTATIONS, Permutation
from dyninf.grid.shift import SHIFTS


def together(frames: int) -> Frames:
    """One group with all frames, in time order."""
    return Frames((tuple(range(frames)),))


def looped(x_BtCHW: Tensor, sources: dict[int, int]) -> Tensor:
    """Channel part p of frame i comes from frame i + sources[p]; zero where there is no such frame."""
    clips, frames, channels = x_BtCHW.shape[:3]
    c = channels // 8
    out_BtCHW = x_BtCHW.clone()
    for b in range(clips):
        for i in range(frames):
            for part, offset in sources.items():
                for channel in range(part * c, (part + 1) * c):
                    there = 0 <= i + offset < frames
                    out_BtCHW[b, i, channel] = x_BtCHW[b, i + offset, channel] if there else 0
    return out_BtCHW


SHAPES = st.tuples(*(st.integers(1, high) for high in (3, 6, 20, 3, 4)))


@given(SHAPES)
def test_the_offline_shift_takes_from_both_neighbours(shape: tuple[int, ...]) -> None:
    x_BtCHW = torch.randn(shape)
    found_MCHW, kept = OfflineShift()(x_BtCHW.flatten(0, 1), together(shape[1]), None)
    assert torch.equal(found_MCHW.unflatten(0, shape[:2]), looped(x_BtCHW, {0: +1, 1: -1}))
    assert kept is None


@given(SHAPES)
def test_the_online_shift_takes_from_the_frame_before(shape: tuple[int, ...]) -> None:
    x_BtCHW = torch.randn(shape)
    found_MCHW, kept_BcHW = OnlineShift()(x_BtCHW.flatten(0, 1), together(shape[1]), None)
    assert torch.equal(found_MCHW.unflatten(0, shape[:2]), looped(x_BtCHW, {0: -1}))
    assert torch.equal(kept_BcHW, x_BtCHW[:, -1, : shape[2] // 8])


@st.composite
def permutations(draw: st.DrawFn) -> Permutation:
    groups, size = draw(st.integers(1, 4)), draw(st.integers(1, 3))
    return PERMUTATIONS[draw(st.sampled_from(sorted(PERMUTATIONS)))](groups * size, groups)


def group_by_group(name: str, x_BtCHW: Tensor, groups: Permutation) -> Tensor:
    """The shifted frames, in the order of processing; what is kept goes from call to call."""
    kept: tuple[Tensor, ...] = ()
    shifted, start = [], 0
    for g, group in enumerate(groups):
        exchange = Exchange(SHIFTS[name](), Frames((group,), groups[:g]), kept)
        group_BtCHW = x_BtCHW[:, start : start + len(group)]
        shifted.append(exchange(group_BtCHW.flatten(0, 1)).unflatten(0, group_BtCHW.shape[:2]))
        kept, start = exchange.kept, start + len(group)
    return torch.cat(shifted, 1)


@pytest.mark.parametrize("name", [name for name in SHIFTS if name != "offline"])
@given(st.data())
def test_a_shift_group_by_group_is_the_shift_of_all_groups_at_once(name: str, data: st.DataObject) -> None:
    groups = data.draw(permutations())
    x_BtCHW = torch.randn(2, sum(map(len, groups)), 17, 2, 3)
    at_once_MCHW = Exchange(SHIFTS[name](), Frames(groups))(x_BtCHW.flatten(0, 1))
    assert torch.equal(group_by_group(name, x_BtCHW, groups).flatten(0, 1), at_once_MCHW)


@given(permutations())
def test_the_nearest_shift_takes_from_the_last_frame_before_in_time(
    groups: Permutation,
) -> None:
    times = [time for group in groups for time in group]
    x_BtCHW = torch.randn(2, len(times), 16, 2, 2)
    found_BtCHW = group_by_group("nearest", x_BtCHW, groups)
    assert torch.equal(found_BtCHW[:, :, 2:], x_BtCHW[:, :, 2:])
    for place, time in enumerate(times):
        there = times[: (place // len(groups[0]) + 1) * len(groups[0])]
        earlier = [other for other in there if other < time]
        expected = x_BtCHW[:, times.index(max(earlier)), :2] if earlier else torch.zeros(2, 2, 2, 2)
        assert torch.equal(found_BtCHW[:, place, :2], expected)


@given(permutations())
def test_the_two_way_shift_takes_from_the_group_and_from_what_was_before_it(groups: Permutation) -> None:
    x_BtCHW = torch.randn(2, sum(map(len, groups)), 16, 2, 2)
    found_BtCHW = group_by_group("two_way", x_BtCHW, groups)
    expected_BtCHW = looped(x_BtCHW, {0: +1, 1: -1})
    size = len(groups[0])
    expected_BtCHW[:, size - 1 :: size, :2] = 0  # nothing comes from a group that was not there yet
    assert torch.equal(found_BtCHW, expected_BtCHW)


@pytest.mark.parametrize("name", SHIFTS)
def test_the_last_group_leaves_nothing_behind(name: str) -> None:
    x_MCHW = torch.randn(6, 16, 2, 2)
    exchange, last = Exchange(SHIFTS[name](), together(3)), Exchange(SHIFTS[name](), together(3), keep=False)
    for _ in range(2):
        assert torch.equal(exchange(x_MCHW), last(x_MCHW))
    assert len(exchange.kept) == 2 * SHIFTS[name].keeps
    assert last.kept == ()


def test_of_one_group_in_time_order_the_new_shifts_are_the_known_ones() -> None:
    x_MCHW = torch.randn(2 * 5, 16, 2, 2)
    for name, known in (("nearest", "online"), ("two_way", "offline")):
        found_MCHW, _ = SHIFTS[name]()(x_MCHW, together(5), None)
        expected_MCHW, _ = SHIFTS[known]()(x_MCHW, together(5), None)
        assert torch.equal(found_MCHW, expected_MCHW)


@given(SHAPES)
def test_no_shift_leaves_the_frames_alone(shape: tuple[int, ...]) -> None:
    x_MCHW = torch.randn(shape).flatten(0, 1)
    found_MCHW, kept = NoShift()(x_MCHW, together(shape[1]), None)
    assert torch.equal(found_MCHW, x_MCHW)
    assert kept is None


def test_a_single_frame_has_no_neighbours() -> None:
    x_MCHW = torch.ones(2, 16, 1, 1)
    offline_MCHW, _ = OfflineShift()(x_MCHW, together(1), None)
    assert offline_MCHW[0, :, 0, 0].tolist() == [0] * 4 + [1] * 12
    online_MCHW, _ = OnlineShift()(x_MCHW, together(1), None)
    assert online_MCHW[0, :, 0, 0].tolist() == [0] * 2 + [1] * 14


@pytest.mark.parametrize("name", SHIFTS)
def test_a_shift_does_not_write_into_its_input(name: str) -> None:
    x_MCHW = torch.randn(6, 16, 2, 2)
    before = x_MCHW.clone()
    shift = SHIFTS[name]()
    shift(x_MCHW, together(3), None)
    assert torch.equal(x_MCHW, before)
    assert vars(shift) == {}


@pytest.mark.parametrize("shift", [OnlineShift(), TwoWayShift(), NearestShift()])
def test_what_a_shift_keeps_does_not_hold_the_group_in_memory(shift: OnlineShift) -> None:
    x_MCHW = torch.randn(4, 16, 2, 2)
    _, kept = shift(x_MCHW, together(2), None)
    assert kept.untyped_storage().nbytes() == kept.numel() * 4
