"""Whatever the codec, the container and the times in it, frame i is the i-th that a full decode gives."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.data.numbered_clips import CLIPS, Made, decoded_in_full, hide_picture, number_of, write_packed

from dyninf.data import VideoReader, probe
from dyninf.data.container import opened, packets_of
from dyninf.data.indexed_frames import IndexedFrames
from dyninf.data.packet_index import PacketIndex, index_packets

FEW = settings(
    max_examples=8,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def index_of(path: Path) -> PacketIndex:
    with opened(path) as (container, stream):
        return index_packets(packets_of(container, stream), stream)


@pytest.mark.parametrize("name", CLIPS)
def test_the_clips_are_what_their_names_say(name, clip):
    frames_THWC = clip(name)[1]
    first = CLIPS[name].cut
    assert [number_of(frame) for frame in frames_THWC] == list(range(first, first + len(frames_THWC)))
    assert first + len(frames_THWC) == CLIPS[name].frames


@pytest.mark.parametrize("name", CLIPS)
def test_packets_tell_the_count_or_nothing(name, clip):
    path, frames_THWC = clip(name)
    index = index_of(path)
    assert index.tells_frames == CLIPS[name].tells
    assert index.frames == (len(frames_THWC) if CLIPS[name].tells else None)
    assert probe(path).frames == len(frames_THWC)


@pytest.mark.parametrize("name", CLIPS)
@FEW
@given(data=st.data())
def test_the_frames_asked_for_come_back(name, clip, data):
    path, frames_THWC = clip(name)
    indices = data.draw(st.lists(st.integers(0, len(frames_THWC) - 1), min_size=1, max_size=6))
    with VideoReader(path) as reader:
        np.testing.assert_array_equal(reader.read(indices), frames_THWC[indices])
        np.testing.assert_array_equal(reader.read(indices[:1]), frames_THWC[indices[:1]])


@pytest.mark.parametrize("name", CLIPS)
@FEW
@given(data=st.data())
def test_the_frames_of_each_group_come_back(name, clip, data):
    path, frames_THWC = clip(name)
    group = st.lists(st.integers(0, len(frames_THWC) - 1), min_size=1, max_size=4)
    groups = data.draw(st.lists(group, min_size=1, max_size=4))
    with VideoReader(path) as reader:
        for indices, read_THWC in zip(groups, reader.groups(groups), strict=True):
            np.testing.assert_array_equal(read_THWC, frames_THWC[indices])


@pytest.mark.parametrize("name", ["h264, gop 12, 3 b, open", "vp9, odd size", "h264, raw"])
def test_packets_that_are_not_kept_are_read_again(name, clip):
    path, frames_THWC = clip(name)
    with VideoReader(path, kept_bytes=0) as reader:
        assert reader.count() == len(frames_THWC)
        np.testing.assert_array_equal(reader.read([39, 2, 17]), frames_THWC[[39, 2, 17]])


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", [0, 90, 180, 270])
def test_pictures_are_turned_as_they_are_to_be_shown(degrees, mirrored, tmp_path):
    path = Made("libx264", ".mp4", frames=2, turned=(degrees, mirrored)).write(tmp_path)
    shown_THWC = np.rot90(decoded_in_full(path), degrees // 90, axes=(1, 2))
    shown_THWC = shown_THWC[:, :, ::-1] if mirrored else shown_THWC
    with VideoReader(path) as reader:
        np.testing.assert_array_equal(reader.read([0, 1]), shown_THWC)
        info = reader.info()
    assert (info.height, info.width) == shown_THWC.shape[1:3]


def test_pictures_that_xvid_packs_together_are_counted_one_by_one(tmp_path):
    path = tmp_path / "packed.avi"
    write_packed(path, 20)
    with opened(path) as (_, stream):
        assert stream.frames == 21
    assert index_of(path) == PacketIndex(frames=20)
    with VideoReader(path) as reader:
        assert reader.count() == 20
        assert [number_of(frame) for frame in reader.read([19, 0, 7])] == [19, 0, 7]


def test_a_picture_that_vp8_does_not_show_is_no_frame(tmp_path):
    path = hide_picture(Made("libvpx", ".webm", {"g": "10", "deadline": "realtime"}, 16).write(tmp_path), 7)
    frames_THWC = decoded_in_full(path)
    assert [number_of(frame) for frame in frames_THWC] == [*range(7), *range(8, 16)]
    assert index_of(path).frames == 15
    with VideoReader(path) as reader:
        np.testing.assert_array_equal(reader.read([7, 14, 6]), frames_THWC[[7, 14, 6]])


def packets_taken(path: Path, groups: list[set[int]]) -> list[int]:
    """The packets that are decoded for these frames, one group after the other."""
    taken = []
    with opened(path) as (container, stream):
        packets = list(packets_of(container, stream))

        def packets_from(number):
            for n in range(number, len(packets)):
                taken.append(n)
                yield packets[n]

        frames = IndexedFrames(index_packets(packets, stream), stream.codec_context, packets_from)
        for number, group in enumerate(groups):
            assert frames.take(group, set().union(*groups[number + 1 :])).keys() == group
    return taken


def test_only_the_groups_of_pictures_with_wanted_frames_are_decoded(clip):
    assert packets_taken(clip("h264, gop 7")[0], [{1, 22}]) == [0, 1, 21, 22]
    assert packets_taken(clip("h264, only key frames")[0], [{5, 30}]) == [5, 30]


@pytest.mark.parametrize("name", ["h264, gop 250, 3 b", "mpeg4, mp4, gop 250, 2 b, odd size"])
def test_no_packet_is_decoded_twice_for_groups_that_span_the_clip(name, clip):
    taken = packets_taken(clip(name)[0], [{0, 12, 25, 38}, {5, 8, 20, 30}, {13, 14, 39}])
    assert taken == sorted(set(taken))
