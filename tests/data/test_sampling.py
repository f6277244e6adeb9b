"""Laws of sampling: which frames make a clip, and which make several of them."""

from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from dyninf.data import (
    Dense,
    Sampling,
    Segment,
    Uniform,
    middle_frames,
    random_frames,
    segment_bounds,
    uniform_frames,
)

lengths = st.integers(1, 64).flatmap(lambda t: st.tuples(st.integers(t, 2000), st.just(t)))
samplings = st.integers(1, 20).flatmap(
    lambda t: st.one_of(
        st.just(Segment(t)), st.builds(Dense, st.just(t), st.integers(1, 12)), st.just(Uniform(t))
    )
)


def window_of(sampling: Dense) -> int:
    """Frames from the first to the last of a clip."""
    return (sampling.num_frames - 1) * sampling.stride + 1


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


# All of them ------------------------------------------------------------------------------------------


@given(samplings, st.integers(20, 500), st.integers(1, 12), st.integers(0, 2**32))
def test_every_clip_has_its_frames_all_of_them_in_the_video(
    sampling: Sampling, length: int, clips: int, seed: int
) -> None:
    found = [sampling.train(length, torch.Generator().manual_seed(seed)), *sampling.test(length, clips)]
    assert len(found) == 1 + clips
    assert all(len(clip) == sampling.num_frames for clip in found)
    assert all(0 <= frame < length for clip in found for frame in clip)
    if not isinstance(sampling, Dense) or window_of(sampling) <= length:
        assert all(clip == sorted(clip) for clip in found)


@given(samplings, st.integers(20, 500), st.integers(1, 12), st.integers(0, 2**32))
def test_testing_repeats_whatever_the_seed_and_training_with_it(
    sampling: Sampling, length: int, clips: int, seed: int
) -> None:
    torch.manual_seed(seed)
    first = (sampling.test(length, clips), sampling.train(length))
    assert sampling.test(length, clips) == first[0]
    torch.manual_seed(seed)
    assert sampling.train(length) == first[1]
    assert sampling.train(length, torch.Generator().manual_seed(seed)) == first[1]


@pytest.mark.parametrize("make", [Segment, Uniform, lambda num_frames: Dense(num_frames, 2)])
def test_a_clip_without_frames_is_refused(make):
    with pytest.raises(ValueError, match="at least 1 frame; 0 asked for"):
        make(0)


@pytest.mark.parametrize("sampling", [Dense(4, 2), Uniform(4)])
def test_a_video_without_frames_is_refused(sampling):
    for choose in (sampling.train, sampling.test):
        with pytest.raises(ValueError, match="has 0 frames; at least 1 is needed"):
            choose(0)


# Several clips ----------------------------------------------------------------------------------------


@given(lengths, st.integers(1, 12))
def test_clips_of_segments_share_no_frame_where_segments_are_long_enough(sizes, clips):
    length, num_frames = sizes
    bounds, found = segment_bounds(length, num_frames), Segment(num_frames).test(length, clips)
    assert found[0] == middle_frames(length, num_frames)
    for (first, end), *chosen in zip(bounds, *found, strict=True):
        assert all(first <= frame < end for frame in chosen)
        assert len(set(chosen)) == clips or end - first < clips


def test_two_clips_of_segments_are_the_middles_and_the_edges():
    assert Segment(3).test(15, 2) == [[2, 7, 12], [0, 5, 10]]  # as TSM's twice sample
    assert Segment(2).test(8, 2) == [[1, 5], [3, 7]]
    assert Segment(2).test(12, 3) == [[2, 8], [4, 10], [0, 6]]


@given(st.integers(1, 300), st.integers(1, 30), st.integers(1, 12))
def test_uniform_clips_together_are_one_of_all_their_frames(length, num_frames, clips):
    found = Uniform(num_frames).test(length, clips)
    together = [found[i % clips][i // clips] for i in range(clips * num_frames)]
    assert together == uniform_frames(length, clips * num_frames)


# Dense and uniform ------------------------------------------------------------------------------------


@given(st.builds(Dense, st.integers(1, 20), st.integers(1, 12)), st.integers(1, 300), st.integers(2, 12))
def test_dense_windows_go_from_the_first_frame_to_the_last_and_loop_short_videos(sampling, length, clips):
    found = sampling.test(length, clips)
    for clip in found:
        assert all((a + sampling.stride) % length == b for a, b in pairwise(clip))
    if window_of(sampling) > length:
        assert [clip[0] for clip in found] == [0] * clips
    else:
        assert found[0][0] == 0
        assert found[-1][-1] == length - 1
        steps = {b[0] - a[0] for a, b in pairwise(found)}
        assert max(steps) - min(steps) <= 1


def test_one_dense_window_is_in_the_centre_and_in_training_anywhere():
    sampling = Dense(4, 3)
    assert sampling.test(20) == [[5, 8, 11, 14]]
    generator = torch.Generator().manual_seed(0)
    assert {sampling.train(20, generator)[0] for _ in range(300)} == set(range(11))


def test_a_short_video_is_looped():
    assert Dense(5, 2).test(6) == [[0, 2, 4, 0, 2]]
    assert Dense(5, 2).train(6) == [0, 2, 4, 0, 2]
    assert Dense(3, 8).test(1) == [[0, 0, 0]]


def test_a_stride_of_no_frame_is_refused():
    with pytest.raises(ValueError, match="stride must be 1 or more; got 0"):
        Dense(8, 0)


@given(st.integers(1, 500), st.integers(2, 40))
def test_uniform_frames_are_evenly_spread_from_the_first_to_the_last(length, count):
    chosen = uniform_frames(length, count)
    assert (chosen[0], chosen[-1]) == (0, length - 1)
    steps = {b - a for a, b in pairwise(chosen)}
    assert max(steps) - min(steps) <= 1
    assert Uniform(count).train(length) == Uniform(count).test(length)[0] == chosen


def test_uniform_frames_of_a_few():
    assert uniform_frames(10, 4) == [0, 3, 6, 9]
    assert uniform_frames(9, 1) == [4]
    assert uniform_frames(3, 5) == [0, 0, 1, 1, 2]
