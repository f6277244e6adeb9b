"""What is found wrong with a file, a folder of images, and the labels of a list."""

from pathlib import Path

import pytest
from tests.data.checks import MODULES
from tests.data.published import MAKERS, Item, write_images, write_video

from dyninf.data import Segment, Video
from dyninf.data.file_check import FileCheck, check_file, label_faults

FRAMES = Item("train", 0, "class", 0).frames(20)


def checked(path: Path, decode: str = "ends", frames: int | None = None) -> FileCheck:
    return check_file(Video(path, 0, "id", frames), Segment(8), decode)


@pytest.mark.parametrize("decode", ["ends", "full"])
@pytest.mark.parametrize(("ending", "codec"), [(".mp4", "h264"), (".avi", "mpeg4"), (".webm", "vp9")])
def test_a_good_file_is_described(ending, codec, decode, tmp_path):
    write_video(tmp_path / f"clip{ending}", FRAMES)
    found = checked(tmp_path / f"clip{ending}", decode)
    assert found == FileCheck("ok", "", 20, found.seconds, "64x48", codec)
    assert found.seconds == pytest.approx(20 / 12, abs=0.1)


@pytest.mark.parametrize("decode", ["ends", "full"])
def test_a_good_folder_of_images_is_described(decode, tmp_path):
    write_images(tmp_path / "clip", FRAMES)
    assert checked(tmp_path / "clip", decode) == FileCheck("ok", "", 20, None, "64x48", "jpg")


def test_a_missing_file_an_empty_one_and_one_that_is_no_video_are_told_apart(tmp_path):
    assert checked(tmp_path / "gone.mp4") == FileCheck("missing", "no such file")
    (tmp_path / "empty.mp4").touch()
    assert checked(tmp_path / "empty.mp4") == FileCheck("unreadable", "the file is empty (0 bytes)")
    (tmp_path / "text.mp4").write_text("no video\n")
    assert checked(tmp_path / "text.mp4").status == "unreadable"
    (tmp_path / "folder").mkdir()
    assert checked(tmp_path / "folder").reason.startswith("the folder has no image")


def test_a_short_video_keeps_what_is_known_of_it(tmp_path):
    write_video(tmp_path / "short.mp4", FRAMES[:3])
    found = checked(tmp_path / "short.mp4")
    assert (found.status, found.reason) == ("too_short", "has 3 frames, fewer than the 8 asked for")
    assert (found.frames, found.codec) == (3, "h264")


def test_a_folder_with_fewer_images_than_its_list_says_is_unreadable(tmp_path):
    write_images(tmp_path / "clip", FRAMES)
    assert checked(tmp_path / "clip", frames=20).status == "ok"
    found = checked(tmp_path / "clip", frames=21)
    assert (found.status, found.frames) == ("unreadable", 20)
    assert found.reason == "frame 20 was asked for, but the folder has 20 images"


def test_a_video_whose_list_gives_it_no_frame_is_too_short_as_it_is_in_training(tmp_path):
    write_video(tmp_path / "clip.mp4", FRAMES)
    found = checked(tmp_path / "clip.mp4", frames=0)
    assert (found.status, found.reason) == ("too_short", "has 0 frames, fewer than the 8 asked for")


def test_a_path_that_the_system_refuses_is_a_finding_and_no_error(tmp_path):
    found = checked(tmp_path / ("long" * 100 + ".mp4"))
    assert found.status == "unreadable"
    assert "too long" in found.reason


def test_only_reading_every_frame_finds_a_damaged_image_between_the_ends(tmp_path):
    write_images(tmp_path / "clip", FRAMES)
    (tmp_path / "clip/00003.jpg").write_bytes(b"\xff\xd8 no picture")
    assert checked(tmp_path / "clip").status == "ok"
    found = checked(tmp_path / "clip", "full")
    assert found.status == "unreadable"
    assert found.reason.startswith(f"{tmp_path / 'clip/00003.jpg'}: cannot be read")


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_wrong_with_the_labels_of_a_data_set_as_published(module, tmp_path):
    MAKERS[module.name](tmp_path, frames=1)
    made = module(tmp_path)
    assert label_faults({split: made.videos(split) for split in made.splits}, made.class_names) == {}


def test_a_video_in_two_splits_or_with_two_labels_is_named_in_all_its_places():
    one, other = Video(Path("a/1.mp4"), 0, "1"), Video(Path("b/1.mp4"), 1, "1")
    same_file = Video(Path("c/2.mp4"), 0, "2"), Video(Path("c/2.mp4"), 1, "two")
    faults = label_faults({"train": [one, *same_file], "test": [other]}, ["zero", "one"])
    twice = "is listed as one in test and as zero in train"
    labels = "is listed as zero in train and as one in train"
    assert faults == {
        ("train", "1"): twice,
        ("test", "1"): twice,
        ("train", "2"): labels,
        ("train", "two"): labels,
    }


def test_a_file_in_the_folder_of_another_class_is_named_and_other_folders_say_nothing():
    classes = ["air drumming", "zumba"]
    videos = [
        Video(Path("air_drumming/0.mp4"), 0, "right"),
        Video(Path("AirDrumming/1.mp4"), 1, "wrong"),
        Video(Path("part_3/2.mp4"), 1, "elsewhere"),
    ]
    reason = "is listed as zumba, but lies in the folder AirDrumming"
    assert label_faults({"train": videos}, classes) == {("train", "wrong"): reason}
