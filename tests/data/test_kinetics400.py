"""Kinetics-400: the published CSV files, and the lists that others made of them."""

import pytest
from tests.data.checks import LISTS, SMALL, append, assert_lists, the_error
from tests.data.published import make_frame_list, make_kinetics400, make_video_list, write_lines

from dyninf.data import Kinetics400


@pytest.mark.parametrize(
    "place",
    [
        "{split}/{class_name}/{id}_{start:06d}_{end:06d}.mp4",
        "{split}/{class_}/{id}_{start:06d}_{end:06d}.mp4",
        "videos_{split}/{class_}/{id}.mp4",
        "{split}/{id}_{start:06d}_{end:06d}.mp4",
        "{split}/{id}.mp4",
        "{id}.mp4",
    ],
)
def test_kinetics_finds_its_videos_wherever_they_usually_lie(place, tmp_path):
    assert_lists(Kinetics400(tmp_path, **SMALL), make_kinetics400(tmp_path, place=place))


@pytest.mark.parametrize(
    "csv_files",
    [
        ("train.csv", "validate.csv"),
        ("kinetics-400_train.csv", "kinetics-400_val.csv"),
        ("kinetics400_train.csv", "kinetics400_validation.csv"),
    ],
)
def test_kinetics_lists_have_several_names(csv_files, tmp_path):
    assert_lists(Kinetics400(tmp_path, **SMALL), make_kinetics400(tmp_path, csv_files=csv_files))


def test_kinetics_classes_are_in_alphabetical_order(tmp_path):
    make_kinetics400(tmp_path, classes=("yoga", "abseiling", "juggling balls"))
    assert Kinetics400(tmp_path).class_names == ("abseiling", "juggling balls", "yoga")


@pytest.mark.parametrize(
    ("lists", "separator"),
    [
        (("kinetics400_train_list_videos.txt", "kinetics400_val_list_videos.txt"), " "),
        (("train.csv", "val.csv"), " "),
        (("train.csv", "val.csv"), ","),
        (("train_videofolder.txt", "val_videofolder.txt"), "\t"),
    ],
)
def test_kinetics_reads_lists_of_paths_and_labels(lists, separator, tmp_path):
    made = make_video_list(tmp_path, lists=lists, separator=separator)
    assert_lists(Kinetics400(tmp_path, **SMALL), made)


def test_kinetics_takes_the_names_of_a_lists_classes_from_their_file(tmp_path):
    make_video_list(tmp_path)
    write_lines(tmp_path / "label_map_k400.txt", ["air drumming", "zumba"])
    assert Kinetics400(tmp_path).class_names == ("air drumming", "zumba")


def test_kinetics_prefers_its_published_files_and_takes_lists_that_are_named(tmp_path):
    published = make_kinetics400(tmp_path)
    listed = make_frame_list(tmp_path, classes=("a", "b", "c"))
    assert_lists(Kinetics400(tmp_path, **SMALL), published)
    assert_lists(Kinetics400(tmp_path, **LISTS, **SMALL), listed)


def test_a_header_without_a_column_is_named(tmp_path):
    make_kinetics400(tmp_path)
    file = tmp_path / "train.csv"
    file.write_text(file.read_text().replace("youtube_id", "id", 1))
    assert the_error(Kinetics400(tmp_path)) == f"{file}, line 1: the header lacks youtube_id"


def test_a_quote_without_its_end_is_named(tmp_path):
    make_kinetics400(tmp_path)
    file = tmp_path / "train.csv"
    number = append(file, '"zumba,abc,1,11,train')
    append(file, "zumba,abd,1,11,train")
    assert the_error(Kinetics400(tmp_path)).startswith(f"{file}, line {number}: expected label,youtube_id")
