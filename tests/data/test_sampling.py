"""Laws of segment sampling."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dyninf.data import middle_frames, random_frames, segment_bounds

lengths = st.integers(1, 64).flatmap(lambda t: st.tuples(st.integers(t, 2000), st.just(t)))


@given(lengths)
def test_segments_cut_the_video_without_gaps_into_nearly_equal_parts(sizes):
    num_frames, num_segments = sizes
    bounds = segment_bounds(num_frames, num_segments)
    assert len(bounds) == num_segments
    assert [i for first, end in bounds for i in range(first, end)] == list(range(num_frames))
    parts = {end - first for first, end in bounds}
    assert max(parts) - min(parts) <= 1


@given(lengths, st.integers(0, 2**32))
def test_every_segment_gives_one_frame_of_its_own(sizes, seed):
    generator = torch.Generator().manual_seed(seed)
    bounds = segment_bounds(*sizes)
    for chosen in (middle_frames(*sizes), random_frames(*sizes, generator)):
        assert len(chosen) == len(bounds)
        assert all(first <= i < end for i, (first, end) in zip(chosen, bounds, strict=True))


def test_random_frames_reach_every_frame_of_the_video():
    generator = torch.Generator().manual_seed(0)
    seen = {i for _ in range(300) for i in random_frames(32, 8, generator)}
    assert seen == set(range(32))


def test_the_middle_of_an_odd_segment_is_its_middle():
    assert middle_frames(9, 3) == [1, 4, 7]


def test_a_generator_repeats_and_the_global_one_follows_the_seed():
    assert random_frames(99, 9, torch.Generator().manual_seed(5)) == random_frames(
        99, 9, torch.Generator().manual_seed(5)
    )
    torch.manual_seed(5)
    first = random_frames(99, 9)
    second = random_frames(99, 9)
    torch.manual_seed(5)
    assert random_frames(99, 9) == first != second


def test_fewer_frames_than_segments_is_an_error_with_both_numbers():
    with pytest.raises(ValueError, match="has 5 frames, fewer than the 8 asked for"):
        middle_frames(5, 8)
