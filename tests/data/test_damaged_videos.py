"""What the fuzz study found in reading videos, each in its smallest form."""

from pathlib import Path

import av
import numpy as np
import pytest
from tests.data.numbered_clips import CLIPS, decoded_in_full

from dyninf.data import Limits, VideoError, VideoReader, probe, read_frames
from dyninf.data.container import opened, packets_of

SIDE = 4112  # its square is more than the usual limit of pixels


def grey(path: Path, width: int, height: int) -> Path:
    """One frame of Motion JPEG."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=10, width=width, height=height, pix_fmt="yuvj420p")
        picture_HWC = np.full((height, width, 3), 128, np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture_HWC, format="rgb24")))
        container.mux(stream.encode(None))
    return path


def the_error(path: Path, indices=(0,)) -> str:
    with pytest.raises(VideoError) as caught:
        read_frames(path, indices)
    assert str(caught.value).isprintable()
    return str(caught.value)


def test_a_title_in_another_encoding_is_no_error(tmp_path):
    path = tmp_path / "titled.mp4"
    with av.open(str(path), "w") as container:
        container.metadata["title"] = "XXXX"
        stream = container.add_stream("libx264", rate=10, width=32, height=32, pix_fmt="yuv420p")
        for _ in range(3):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))))
        container.mux(stream.encode(None))
    data = path.read_bytes()
    assert data.count(b"XXXX") == 1
    path.write_bytes(data.replace(b"XXXX", "Äöü ".encode("latin-1")))
    assert probe(path).frames == 3


@pytest.mark.parametrize("ending", [".avi", ".mjpeg"])
def test_pictures_of_too_many_pixels_are_refused(tmp_path, ending):
    assert Limits().pixels < SIDE**2
    path = grey(tmp_path / f"huge{ending}", SIDE, SIDE)
    assert f"declares pictures of {SIDE} x {SIDE} pixels, more than max_megapixels=16.8" in the_error(path)


def test_a_table_that_comes_twice_is_a_damaged_file_and_no_lack_of_memory(tmp_path):
    data = grey(tmp_path / "whole.mp4", 64, 48).read_bytes()
    at = data.index(b"stts") - 4
    table = data[at : at + int.from_bytes(data[at : at + 4], "big")]
    twice = bytearray(data[:at] + table + data[at:])
    for box in (b"moov", b"trak", b"mdia", b"minf", b"stbl"):  # each has grown
        place = slice(data.index(box) - 4, data.index(box))
        twice[place] = (int.from_bytes(data[place], "big") + len(table)).to_bytes(4, "big")
    (tmp_path / "twice.mp4").write_bytes(twice)
    with pytest.raises(MemoryError):  # as libav has it
        av.open(str(tmp_path / "twice.mp4"))
    assert "cannot be opened: not a video" in the_error(tmp_path / "twice.mp4")


def test_pictures_that_grow_beyond_the_limit_on_the_way_end_the_video(tmp_path):
    small, huge = grey(tmp_path / "a.mjpeg", 64, 48), grey(tmp_path / "b.mjpeg", SIDE, SIDE)
    path = tmp_path / "grows.mjpeg"
    path.write_bytes(3 * small.read_bytes() + huge.read_bytes())
    assert "frame 3 was asked for, but only 3 frames can be decoded" in the_error(path, [3])
    assert read_frames(path, [0, 2]).shape == (2, 48, 64, 3)


def test_damage_in_one_frame_changes_none_that_a_full_decode_gives_unharmed(tmp_path):
    path = CLIPS["h264, start hidden"].write(tmp_path)
    whole_THWC = decoded_in_full(path)
    with opened(path) as (container, stream):
        at = list(packets_of(container, stream))[7].pos
    damaged = bytearray(path.read_bytes())
    damaged[at + 40 : at + 44] = bytes.fromhex("7ffffff2")
    damaged[at + 71 : at + 75] = bytes.fromhex("7fffffe2")
    path.write_bytes(damaged)
    read_THWC = read_frames(path, [3, 12, 21])
    assert not np.array_equal(read_THWC[0], whole_THWC[3])
    np.testing.assert_array_equal(read_THWC[1:], whole_THWC[[12, 21]])


@pytest.mark.parametrize("name", ["two\nlines.mp4", "\x1b[31mred.mp4", "x" * 300, "a/" * 3000, "nul\0.mp4"])
def test_a_name_that_no_file_can_have_or_a_terminal_show_is_one_clear_line(tmp_path, name):
    assert the_error(tmp_path / name).endswith("no such file")


def test_frames_are_freed_as_they_are_painted_and_repeat_in_any_order(numbered_video):
    with VideoReader(numbered_video()) as reader:
        once_THWC = reader.read([4, 9, 30])
        np.testing.assert_array_equal(reader.read([30, 4, 9, 4, 30]), once_THWC[[2, 0, 1, 0, 2]])
