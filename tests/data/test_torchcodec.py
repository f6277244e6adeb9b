"""torchcodec under the interface of VideoReader: the same frames by the same numbers, the same errors."""

import sys
from itertools import product

import numpy as np
import pytest
from tests.data.checks import SMALL
from tests.data.numbered_clips import CLIPS, Made, decoded_in_full, hide_picture, number_of, write_packed
from tests.data.published import make_ucf101

from dyninf.data import UCF101, TorchcodecReader, VideoError, VideoReader, frame_source

NEED_PYAV = {  # as a whole: times that packets do not tell, or that torchcodec does not find
    "h264, ts, gop 12, 3 b",
    "h264, avi, gop 12",
    "h264, avi, gop 12, 3 b",
    "h264, raw",
    "h264, interlaced",
    "flv1",
}
WRONG_ALONE = [  # some frames of these are others where torchcodec has only itself to go by
    "h264, ts, gop 12, 3 b",
    "h264, refreshed bit by bit",
    "h264, start hidden, open",
    "mpeg4, avi, gop 12, 2 b",
]


@pytest.mark.parametrize("name", CLIPS)
def test_every_frame_has_the_number_it_was_asked_by(name, clip, torchcodec):
    path, frames_THWC = clip(name)
    by_torchcodec = 0
    for index, frame_HWC in enumerate(frames_THWC):
        with TorchcodecReader(path) as reader:  # a new one: what was read before changes where it stands
            assert reader.count() == len(frames_THWC)
            read_HWC = reader.read([index])[0]
            by_torchcodec += reader.by_torchcodec
        assert number_of(read_HWC) == number_of(frame_HWC)
        # Odd sizes and other versions of libav: up to 45 on the edges of the blocks, 1.5 in the mean.
        difference_HWC = np.abs(read_HWC.astype(int) - frame_HWC)
        assert difference_HWC.max() <= 50
        assert difference_HWC.mean() <= 2
    assert (by_torchcodec == 0) == (name in NEED_PYAV)


@pytest.mark.parametrize("name", CLIPS)
def test_frames_come_in_the_order_asked_for_and_in_groups(name, clip, torchcodec):
    path, frames_THWC = clip(name)
    numbers = [number_of(frame) for frame in frames_THWC]
    with TorchcodecReader(path) as reader:
        for indices in ([22, 3, 3, 17], [0], [len(numbers) - 1, 1]):
            assert [number_of(frame) for frame in reader.read(indices)] == [numbers[i] for i in indices]
        groups = [[5, 15], [2, 20]]
        for indices, read_THWC in zip(groups, reader.groups(groups), strict=True):
            assert [number_of(frame) for frame in read_THWC] == [numbers[i] for i in indices]


@pytest.mark.parametrize("name", WRONG_ALONE)
def test_torchcodec_alone_gives_other_frames_of_some_files(name, clip, torchcodec):
    from torchcodec.decoders import VideoDecoder

    path, frames_THWC = clip(name)
    wrong = 0
    for index, frame_HWC in enumerate(frames_THWC):
        try:
            read_HWC = VideoDecoder(str(path), dimension_order="NHWC").get_frame_at(index).data.numpy()
        except RuntimeError:
            wrong += 1
        else:
            wrong += number_of(read_HWC) != number_of(frame_HWC)
    assert wrong > 0


@pytest.mark.parametrize("turned", list(product((0, 90, 180, 270), (False, True))))
def test_pictures_are_turned_and_mirrored_as_they_are_to_be_shown(turned, tmp_path, torchcodec):
    path = Made("libx264", ".mp4", frames=2, turned=turned).write(tmp_path)
    with VideoReader(path) as ours, TorchcodecReader(path) as reader:
        np.testing.assert_array_equal(reader.read([0, 1]), ours.read([0, 1]))


def test_pictures_that_torchcodec_counts_wrongly_are_counted_as_they_are_shown(tmp_path, torchcodec):
    packed = tmp_path / "packed.avi"
    write_packed(packed, 20)
    hidden = hide_picture(Made("libvpx", ".webm", {"g": "10", "deadline": "realtime"}, 16).write(tmp_path), 7)
    for path in (packed, hidden):
        frames_THWC = decoded_in_full(path)
        with TorchcodecReader(path) as reader:
            assert reader.count() == len(frames_THWC)
            np.testing.assert_array_equal(reader.read([9, 0, 7]), frames_THWC[[9, 0, 7]])


@pytest.mark.parametrize(
    "kind", ["missing", "a folder", "empty", "text", "no index", "half", "short", "sound"]
)
def test_a_bad_file_ends_in_the_line_that_pyav_gives(kind, tmp_path, torchcodec):
    path = tmp_path / "clip.mp4"
    whole = Made("libx264", ".mp4").write(tmp_path).read_bytes()
    if kind in ("missing", "a folder"):
        path.unlink()
        path = tmp_path if kind == "a folder" else path
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path = tmp_path / "notes.txt"
        path.write_text("These are words, and no video.\n" * 200)
    elif kind == "no index":
        path.write_bytes(whole[: len(whole) // 2])
    elif kind == "half":
        path = Made("libx264", ".mkv").write(tmp_path)
        path.write_bytes(path.read_bytes()[: len(whole) // 2])
    messages = []
    for opened in (VideoReader, TorchcodecReader):
        with pytest.raises(VideoError) as caught, opened(path) as reader:
            reader.read([0, 99])
        messages.append(str(caught.value))
    assert messages[0] == messages[1]


def test_nonsense_indices_are_refused(clip, torchcodec):
    with TorchcodecReader(clip("h264, gop 7")[0]) as reader:
        for indices in ([], [-1, 3]):
            with pytest.raises(ValueError, match="0 or larger"):
                reader.read(indices)


def test_a_data_set_is_read_by_the_decoder_it_names(tmp_path, torchcodec):
    make_ucf101(tmp_path)
    pyav, other = (UCF101(tmp_path, decoder=name, **SMALL) for name in ("pyav", "torchcodec"))
    assert isinstance(frame_source(other.videos("test")[0].path, other.decoder).open(), TorchcodecReader)
    for one, two in zip(pyav.test_dataloader(), other.test_dataloader(), strict=True):
        assert one.video_id == two.video_id
        assert (one.video - two.video).abs().max() < 0.1
    # Pixels may differ a little, and with them what a network says.
    assert pyav.fingerprint("test") != other.fingerprint("test")


def test_an_unknown_decoder_is_answered_with_those_there_are(tmp_path):
    with pytest.raises(ValueError, match="decoder must be pyav or torchcodec; got 'decord'"):
        UCF101(tmp_path, decoder="decord")


def test_what_is_missing_for_torchcodec_is_said_before_anything_is_read(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "torchcodec", None)  # as where it is not installed
    with pytest.raises(ValueError, match=r"not installed: pip install 'dyninf\[torchcodec\]'$"):
        UCF101(tmp_path, decoder="torchcodec")


def test_missing_libraries_of_ffmpeg_are_said_too(tmp_path, monkeypatch, torchcodec):
    monkeypatch.setattr("torchcodec.ffmpeg_major_version", None)  # as where they cannot be loaded
    with pytest.raises(ValueError, match=r"shared libraries of FFmpeg 4 to 9 .* apt-get install ffmpeg"):
        UCF101(tmp_path, decoder="torchcodec")
