"""The decoder gives the frames asked for, or one clear line."""

import pickle
import sys
from pathlib import Path

import av
import numpy as np
import pytest

from dyninf.data import VideoError, VideoReader, probe, read_frames
from dyninf.data.drawn_files import encode


def numbers_of(frames_THWC):
    return [round((frame.mean() - 20) / 6) for frame in frames_THWC]


def test_the_right_frames_come_back_in_the_order_asked_for(numbered_video):
    path = numbered_video()
    for indices in ([0, 5, 31], [31, 0, 5], [7, 7, 3, 7], [12], list(range(32))):
        frames_THWC = read_frames(path, indices)
        assert frames_THWC.dtype == np.uint8
        assert frames_THWC.shape == (len(indices), 48, 64, 3)
        assert numbers_of(frames_THWC) == indices


def test_colours_come_as_red_green_blue(tmp_path):
    red_THWC = np.broadcast_to(np.array([220, 30, 30], np.uint8), (4, 32, 32, 3))
    encode(red_THWC, tmp_path / "red.mp4")
    np.testing.assert_allclose(read_frames(tmp_path / "red.mp4", [2])[0].mean((0, 1)), [220, 30, 30], atol=6)


def test_probe_tells_what_the_file_holds(numbered_video):
    info = probe(numbered_video())
    assert (info.frames, info.width, info.height, info.codec) == (32, 64, 48, "h264")
    assert info.fps == pytest.approx(16)
    assert info.seconds == pytest.approx(2)


def test_frames_are_counted_where_the_container_does_not_say(tmp_path):
    path = tmp_path / "uncounted.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=10, width=32, height=32, pix_fmt="yuv420p")
        for _ in range(13):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))))
        container.mux(stream.encode(None))
    with av.open(str(path)) as container:
        assert container.streams.video[0].frames == 0
    assert probe(path).frames == 13


@pytest.mark.skipif(sys.platform == "win32", reason="an open file cannot be removed there")
def test_one_open_is_enough_to_count_and_to_read(numbered_video):
    path = numbered_video()
    with VideoReader(path) as reader:
        path.unlink()
        assert reader.count() == 32
        assert numbers_of(reader.read([30, 2])) == [30, 2]
        assert [numbers_of(frames) for frames in reader.groups([[5], [1, 9]])] == [[5], [1, 9]]
        assert reader.info().frames == 32


def test_nonsense_indices_are_refused(numbered_video):
    for indices in ([], [-1, 3]):
        with pytest.raises(ValueError, match="0 or larger"):
            read_frames(numbered_video(), indices)


def the_error(path, indices=(0,)) -> str:
    """The one line that reading ends with; it starts with the file."""
    with pytest.raises(VideoError) as caught:
        read_frames(path, indices)
    message = str(caught.value)
    assert "\n" not in message
    assert message.startswith(f"{path}: ")
    assert caught.value.path == Path(path)
    return message


def test_a_missing_file(tmp_path):
    assert "no such file" in the_error(tmp_path / "gone.mp4")


def test_a_folder(tmp_path):
    assert "is a folder" in the_error(tmp_path)


def test_an_empty_file(tmp_path):
    path = tmp_path / "empty.mp4"
    path.touch()
    assert "empty (0 bytes)" in the_error(path)


@pytest.mark.parametrize("name", ["notes.txt", "notes.mp4", "notes.csv"])
def test_a_text_file(tmp_path, name):
    path = tmp_path / name
    path.write_text("These are words, and no video.\n" * 200)
    assert "not a video" in the_error(path)


def test_an_mp4_cut_before_its_index(numbered_video, tmp_path):
    path = tmp_path / "cut.mp4"
    whole = numbered_video().read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    assert "truncated" in the_error(path)


@pytest.fixture
def half_a_video(numbered_video, tmp_path) -> Path:
    """An mp4 with its index in front that promises 32 frames, cut in the middle of them."""
    path = tmp_path / "half.mp4"
    noise = np.random.default_rng(0).integers(0, 255, (32, 48, 64, 3), dtype=np.uint8)
    with av.open(str(path), "w", options={"movflags": "faststart"}) as container:
        stream = container.add_stream("libx264", rate=16, width=64, height=48, pix_fmt="yuv420p")
        for frame_HWC in noise:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame_HWC, format="rgb24")))
        container.mux(stream.encode(None))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) * 6 // 10])
    return path


def test_an_mp4_cut_in_the_middle_says_how_many_frames_can_be_decoded(half_a_video):
    message = the_error(half_a_video, [0, 31])
    assert "frame 31 was asked for, but only " in message
    assert "of the 32 that the file promises" in message
    read_frames(half_a_video, [0, 1, 2])


def test_more_frames_than_the_video_has(numbered_video):
    message = the_error(numbered_video(), [3, 40])
    assert "frame 40 was asked for, but only 32 frames can be decoded" in message


def write_sound(path: Path) -> None:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(
            "aac" if path.suffix == ".mp4" else "pcm_s16le", rate=8000, layout="mono"
        )
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


@pytest.mark.parametrize("name", ["sound.mp4", "sound.wav"])
def test_a_file_with_sound_only(tmp_path, name):
    write_sound(tmp_path / name)
    assert "no video stream (sound only)" in the_error(tmp_path / name)
    with pytest.raises(VideoError, match="sound only"):
        probe(tmp_path / name)


def test_an_error_crosses_from_a_worker_process():
    error = pickle.loads(pickle.dumps(VideoError("a.mp4", "is blank")))
    assert (str(error), error.reason) == ("a.mp4: is blank", "is blank")


def test_nothing_is_printed_about_a_damaged_file(half_a_video, capfd):
    the_error(half_a_video, [31])
    assert capfd.readouterr() == ("", "")
