"""Groups of frames are decoded when they are asked for, and the file is let go."""

import sys
from pathlib import Path

import pytest
from tests.data.checks import is_open
from tests.data.numbered_clips import CLIPS, number_of

from dyninf.data import VideoError, decode_on_demand


@pytest.fixture
def path(tmp_path) -> Path:
    return CLIPS["h264, gop 12, 3 b, open"].write(tmp_path)


def test_each_group_comes_with_its_frames_in_order(path):
    groups = [[0, 13, 26, 39], [33, 6, 20], [1], [39, 39]]
    assert [[number_of(frame) for frame in frames] for frames in decode_on_demand(path, groups)] == groups


def test_the_first_group_comes_before_later_ones_are_decoded(path):
    whole = path.read_bytes()
    # Zeros in the last part of the pictures, before the index of the file.
    end = whole.rindex(b"moov")
    path.write_bytes(whole[: end // 2] + bytes(end // 2 - 16) + whole[end // 2 + end // 2 - 16 :])
    frames = decode_on_demand(path, [[0, 2], [39]])
    assert [number_of(frame) for frame in next(frames)] == [0, 2]
    with pytest.raises(VideoError, match="frame 39 was asked for, but only"):
        next(frames)


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc which files are open")
def test_closing_early_lets_the_file_go(path):
    frames = decode_on_demand(path, [[0], [20], [39]])
    assert not is_open(path)
    next(frames)
    assert is_open(path)
    frames.close()
    assert not is_open(path)


@pytest.mark.skipif(sys.platform != "linux", reason="asks /proc which files are open")
def test_a_file_that_cannot_be_used_is_let_go(tmp_path):
    path = tmp_path / "notes.mp4"
    path.write_text("These are words, and no video.\n" * 200)
    with pytest.raises(VideoError):
        next(decode_on_demand(path, [[0]]))
    assert not is_open(path)


def test_nonsense_is_refused_before_anything_is_decoded(path):
    for groups in ([[0], []], [[0], [-1]]):
        with pytest.raises(ValueError, match="0 or larger"):
            next(decode_on_demand(path, groups))


def test_a_later_group_past_the_end_does_not_spoil_the_first(path):
    frames = decode_on_demand(path, [[3], [40]])
    assert number_of(next(frames)[0]) == 3
    with pytest.raises(VideoError, match="frame 40 was asked for, but only 40 frames can be decoded"):
        next(frames)
