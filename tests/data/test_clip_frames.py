"""Clips whose frames are decoded group by group, windows of long videos, and live streams."""

import sys
import threading
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tests.data.checks import is_open
from tests.data.numbered_clips import number_of

from dyninf.data import (
    ClipTransform,
    Dense,
    Segment,
    Span,
    Uniform,
    Video,
    VideoClip,
    VideoDataset,
    VideoError,
    Windows,
    live_clips,
    videos_at,
    window_clips,
)
from dyninf.grid.permutation import permuted

SAMPLINGS = [Segment(8), Dense(8, 3), Uniform(8)]
PERMUTATION = permuted(8, 4)
TRANSFORM = ClipTransform(40, 32)


def as_they_are(frames_THWC: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(frames_THWC).permute(0, 3, 1, 2)


def numbers_in(frames_TCHW: torch.Tensor) -> list[int]:
    return [number_of(frame) for frame in frames_TCHW.permute(0, 2, 3, 1).numpy()]


@pytest.fixture
def path(clip: Callable[[str], tuple[Path, np.ndarray]]) -> Path:
    """40 numbered frames, ten a second."""
    return clip("h264, gop 12, 2 b")[0]


@pytest.mark.parametrize("name", ["h264, gop 12, 2 b", "mpeg4, avi, gop 12, 2 b", "h264, raw"])
@pytest.mark.parametrize("sampling", SAMPLINGS, ids=str)
def test_all_groups_together_are_the_clip_that_is_tested(
    name: str, sampling: Segment, clip: Callable[[str], tuple[Path, np.ndarray]]
) -> None:
    path, _ = clip(name)
    [tested] = VideoDataset([Video(path, 0, "v")], sampling, TRANSFORM)
    clip_TCHW = torch.empty_like(tested.video)
    frames = VideoClip(path, sampling, PERMUTATION, TRANSFORM)
    for number, group in enumerate(PERMUTATION, start=1):
        clip_TCHW[list(group)] = frames.group(number)
    frames.close()
    assert torch.equal(clip_TCHW, tested.video)


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc which files are open")
def test_nothing_is_opened_before_the_first_group_and_nothing_decoded_before_it_is_asked_for(
    path: Path, tmp_path: Path
) -> None:
    whole = path.read_bytes()
    # Zeros in the second half of the pictures: a clip that leaves after the first group never sees them.
    half, end = whole.rindex(b"moov") // 2, whole.rindex(b"moov") - 16
    damaged = tmp_path / "damaged.mp4"
    damaged.write_bytes(whole[:half] + bytes(end - half) + whole[end:])
    clip = VideoClip(damaged, Segment(4), ((0, 1), (2, 3)), as_they_are)
    assert not is_open(damaged)
    assert numbers_in(clip.group(1)) == [4, 14]
    assert is_open(damaged)
    with pytest.raises(VideoError, match=r"damaged\.mp4: frame"):
        clip.group(2)
    clip.close()
    assert not is_open(damaged)


def test_a_group_that_is_skipped_is_decoded_all_the_same_and_none_comes_twice(path: Path) -> None:
    clip = VideoClip(path, Segment(4), ((0,), (1,), (2,), (3,)), as_they_are)
    assert numbers_in(clip.group(3)) == [24]
    with pytest.raises(ValueError, match=r"group 3 of .* was given before"):
        clip.group(3)
    clip.close()


def test_a_video_that_is_too_short_is_told_as_the_data_set_tells_it(path: Path) -> None:
    with pytest.raises(VideoError) as expected:
        VideoDataset([Video(path, 0, "v")], Segment(64), TRANSFORM)[0]
    clip = VideoClip(path, Segment(64), permuted(64, 4), TRANSFORM)
    with pytest.raises(VideoError) as found:
        clip.group(1)
    clip.close()
    assert str(found.value) == str(expected.value)


@given(
    length=st.integers(1, 400),
    frames=st.integers(1, 100),
    overlap=st.floats(0, 0.99),
)
def test_windows_cover_every_frame_overlap_enough_and_end_with_the_video(
    length: int, frames: int, overlap: float
) -> None:
    windows = Windows(frames, True, overlap)
    spans = windows.spans(length)
    assert (spans[0].first, spans[-1].end) == (0, length)
    assert [span.number for span in spans] == list(range(len(spans)))
    assert [span.is_last for span in spans] == [False] * (len(spans) - 1) + [True]
    assert {span.end - span.first for span in spans} == {min(frames, length)}
    for before, after in pairwise(spans):
        assert before.first < after.first <= min(before.first + windows.step(frames), before.end)


@pytest.mark.parametrize("text", ["", "0", "-1", "2.5f", "f", "ten", True, "nan", "inf"])
def test_a_length_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"window"):
        Windows.of(text)


@pytest.mark.parametrize("overlap", [-0.1, 1, "half", True])
def test_an_overlap_that_is_none_is_refused(overlap: float) -> None:
    with pytest.raises(ValueError, match="overlap must be a share from 0 to below 1"):
        Windows.of(2, overlap)


def test_lengths_are_seconds_or_frames() -> None:
    assert Windows.of("64f").frames(None) == 64
    assert Windows.of(2.5).frames(10) == 25
    assert Windows.of("3").frames(29.97) == 90
    with pytest.raises(ValueError, match="has no frame rate"):
        Windows.of(3).frames(None)


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc which files are open")
@pytest.mark.parametrize("name", ["h264, gop 12, 2 b", "mpeg4, avi, gop 12, 2 b", "h264, raw"])
def test_the_clips_of_windows_share_one_file_and_each_sees_its_own_frames(
    name: str, clip: Callable[[str], tuple[Path, np.ndarray]]
) -> None:
    path, _ = clip(name)
    clips = list(window_clips(path, Windows.of("16f"), Segment(4), ((1, 2), (0, 3)), as_they_are))
    assert [(c.window.first, c.window.end) for c in clips] == [(0, 16), (8, 24), (16, 32), (24, 40)]
    # By turns, from two threads: what one reads does not disturb another.
    seen = {}

    def read(some: list[VideoClip]) -> None:
        for number in (1, 2):
            for one in some:
                seen[one.window.first, number] = numbers_in(one.group(number))
        for one in some:
            one.close()

    threads = [threading.Thread(target=read, args=(clips[i::2],)) for i in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for first in (0, 8, 16, 24):
        assert seen[first, 1] == [first + 5, first + 9]
        assert seen[first, 2] == [first + 1, first + 13]
    assert not is_open(path)


def test_windows_in_seconds_go_by_the_frame_rate_of_the_file(path: Path) -> None:
    clips = list(window_clips(path, Windows.of(2, 0), Segment(4), permuted(4, 2), as_they_are))
    assert [c.window.seconds for c in clips] == [(0, 2), (2, 4)]


def test_a_video_that_cannot_be_cut_into_windows_is_one_clip_with_the_error(tmp_path: Path) -> None:
    text = tmp_path / "text.mp4"
    text.write_text("no video")
    [clip] = window_clips(text, Windows.of(2), Segment(4), permuted(4, 2), as_they_are)
    assert clip.window is None
    with pytest.raises(VideoError, match=r"text\.mp4: cannot be opened"):
        clip.group(1)


def test_a_stream_gives_a_clip_whenever_a_window_is_full(path: Path) -> None:
    with av.open(str(path)) as container:
        clips = live_clips("camera:0", container, Windows.of(1.6), Segment(4), ((1, 2), (0, 3)), as_they_are)
        found = []
        for clip in clips:
            found.append((clip.window, numbers_in(clip.group(1))))
            clip.close()
    spans = [Span(first, first + 16, number, None, 10.0) for number, first in enumerate((0, 8, 16, 24))]
    assert found == [(span, [span.first + 5, span.first + 9]) for span in spans]


def test_a_stream_that_breaks_ends_with_a_clip_that_says_so(path: Path) -> None:
    with av.open(str(path)) as container:
        clips = live_clips("camera:0", container, Windows.of("2f"), Segment(4), permuted(4, 2), as_they_are)
        [clip] = clips
        with pytest.raises(VideoError, match="camera:0: has 2 frames, fewer than the 4 asked for"):
            clip.group(1)


def test_the_videos_of_a_folder_are_sorted_and_those_of_another_folder_in_it_left_out(tmp_path: Path) -> None:
    for name in ("b/2.AVI", "a/1.mp4", "a/notes.txt", "out/a/1.mp4", "0.webm"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "folder.mp4").mkdir()
    found = videos_at(tmp_path, without=tmp_path / "out")
    assert [str(path.relative_to(tmp_path)) for path in found] == ["0.webm", "a/1.mp4", "b/2.AVI"]
    with pytest.raises(FileNotFoundError, match=r"no video in .*folder\.mp4"):
        videos_at(tmp_path / "folder.mp4")
    with pytest.raises(FileNotFoundError, match="no file or folder nowhere"):
        videos_at(Path("nowhere"))
