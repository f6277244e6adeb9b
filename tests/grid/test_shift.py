"""Temporal shifts against loops over clips, frames and channels.

Legend: B clips, t frames of a clip, C channels, c = C/8 of them move, H, W.
"""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from dyninf.grid import NoShift, OfflineShift, OnlineShift


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
    found_MCHW, kept = OfflineShift()(x_BtCHW.flatten(0, 1), shape[1], None)
    assert torch.equal(found_MCHW.unflatten(0, shape[:2]), looped(x_BtCHW, {0: +1, 1: -1}))
    assert kept is None


@given(SHAPES)
def test_the_online_shift_takes_from_the_frame_before(shape: tuple[int, ...]) -> None:
    x_BtCHW = torch.randn(shape)
    found_MCHW, kept_BcHW = OnlineShift()(x_BtCHW.flatten(0, 1), shape[1], None)
    assert torch.equal(found_MCHW.unflatten(0, shape[:2]), looped(x_BtCHW, {0: -1}))
    assert torch.equal(kept_BcHW, x_BtCHW[:, -1, : shape[2] // 8])


@given(SHAPES, st.lists(st.integers(1, 3), min_size=1, max_size=4))
def test_the_online_shift_group_by_group_is_the_shift_of_all_at_once(
    shape: tuple[int, ...], sizes: list[int]
) -> None:
    clips, _, *rest = shape
    x_BtCHW = torch.randn(clips, sum(sizes), *rest)
    shift, kept, groups = OnlineShift(), None, []
    for group_BtCHW in x_BtCHW.split(sizes, 1):
        found_MCHW, kept = shift(group_BtCHW.flatten(0, 1), group_BtCHW.shape[1], kept)
        groups.append(found_MCHW.unflatten(0, (clips, -1)))
    assert torch.equal(torch.cat(groups, 1), looped(x_BtCHW, {0: -1}))


@given(SHAPES)
def test_no_shift_leaves_the_frames_alone(shape: tuple[int, ...]) -> None:
    x_MCHW = torch.randn(shape).flatten(0, 1)
    found_MCHW, kept = NoShift()(x_MCHW, shape[1], None)
    assert torch.equal(found_MCHW, x_MCHW)
    assert kept is None


def test_a_single_frame_has_no_neighbours() -> None:
    x_MCHW = torch.ones(2, 16, 1, 1)
    offline_MCHW, _ = OfflineShift()(x_MCHW, 1, None)
    assert offline_MCHW[0, :, 0, 0].tolist() == [0] * 4 + [1] * 12
    online_MCHW, _ = OnlineShift()(x_MCHW, 1, None)
    assert online_MCHW[0, :, 0, 0].tolist() == [0] * 2 + [1] * 14


@pytest.mark.parametrize("shift", [NoShift(), OfflineShift(), OnlineShift()])
def test_a_shift_does_not_write_into_its_input(shift: NoShift | OfflineShift | OnlineShift) -> None:
    x_MCHW = torch.randn(6, 16, 2, 2)
    before = x_MCHW.clone()
    shift(x_MCHW, 3, None)
    assert torch.equal(x_MCHW, before)
    assert vars(shift) == {}


def test_what_the_online_shift_keeps_does_not_hold_the_group_in_memory() -> None:
    x_MCHW = torch.randn(4, 16, 2, 2)
    _, kept_BcHW = OnlineShift()(x_MCHW, 2, None)
    assert kept_BcHW.untyped_storage().nbytes() == kept_BcHW.numel() * 4
