"""What the fuzz study found in reading annotation files, each in its smallest form."""

import json
import sys
import time
from pathlib import Path

import pytest
from tests.data.checks import LISTS, SMALL, append, the_error
from tests.data.published import (
    make_frame_list,
    make_kinetics400,
    make_something_v2,
    make_ucf101,
    make_video_list,
)

from dyninf.data import UCF101, Kinetics400, SomethingV2, VideoError, VideoFolder
from dyninf.data.video_list import classes_of, read_list


def test_a_line_of_blanks_takes_no_time(tmp_path):
    file = tmp_path / "list.txt"
    file.write_text("a.mp4" + " " * 200_000 + "x\n")
    started = time.process_time()
    with pytest.raises(ValueError, match="line 1: expected"):
        read_list(file)
    assert time.process_time() - started < 5


def test_many_lines_and_many_names_take_no_time(tmp_path):
    file = tmp_path / "list.txt"
    file.write_text("\n".join(f"{number}.mp4 name {number}" for number in range(20_000)))
    started = time.process_time()
    assert len(read_list(file, classes_of(file))) == 20_000
    assert time.process_time() - started < 5


@pytest.mark.parametrize("line", ["a.mp4 " + "9" * 5000, "folder " + "9" * 5000 + " 0", "a.mp4 1234567890"])
def test_a_number_of_too_many_digits_is_named_with_its_line(tmp_path, line):
    made = make_frame_list(tmp_path)
    number = append(made.root / LISTS["train_list"], line)
    message = the_error(SomethingV2(tmp_path, **LISTS))
    assert f"line {number}: " in message
    assert "too large for a label or a number of frames" in message
    assert len(message) < 400


def test_a_long_line_is_quoted_in_part(tmp_path):
    make_ucf101(tmp_path)
    append(tmp_path / "ucfTrainTestlist/trainlist01.txt", "x" * 100_000)
    message = the_error(UCF101(tmp_path))
    assert "xxx...xxx" in message
    assert len(message) < 400


def test_a_listed_path_that_no_file_can_have_is_named_when_it_is_read(tmp_path):
    make_video_list(tmp_path)
    lines = (tmp_path / "kinetics400_train_list_videos.txt").read_text().splitlines()
    lines[0] = f"air_drumming/{'x' * 5000}.mp4 0"
    (tmp_path / "kinetics400_train_list_videos.txt").write_text("\n".join(lines))
    module = Kinetics400(tmp_path, calibration_share=0.3, **SMALL)
    videos = {video.video_id: split for split in ("train", "calibration") for video in module.videos(split)}
    split = next(split for video_id, split in videos.items() if "xxx" in video_id)
    assert len(module.fingerprint(split)) == 12
    dataset = module.dataset(split)
    (number,) = (n for n, video in enumerate(dataset.videos) if "xxx" in video.video_id)
    with pytest.raises(VideoError, match="no such file"):
        dataset[number]


def test_a_csv_line_of_too_many_letters_is_named(tmp_path):
    make_kinetics400(tmp_path)
    number = append(tmp_path / "train.csv", f"zumba,{'x' * 200_000},0,10,train")
    assert f"line {number}: is not CSV: field larger than field limit" in the_error(Kinetics400(tmp_path))


def test_times_of_many_digits_are_quoted_in_part(tmp_path):
    make_kinetics400(tmp_path)
    append(tmp_path / "train.csv", f"zumba,id,{'9' * 5000},10,train")
    message = the_error(Kinetics400(tmp_path))
    assert "times have to be whole seconds; got '999" in message
    assert len(message) < 400


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[" * 100_000, "its values are nested too deeply"),
        ("[" + "9" * 5000 + "]", "has a number of thousands of digits"),
        (r'[{"id": "\ud800", "template": "Holding [something]"}]', "half a character"),
        ('[{"id": [1], "template": "Holding [something]"}]', 'entry 1: expected an object with "id"'),
        ('[{"id": "1", "template": null}]', 'entry 1: expected an object with "id"'),
        (f"[{'[' * 900}{']' * 900}]", 'entry 1: expected an object with "id"'),
    ],
)
def test_json_of_another_kind_is_one_line(tmp_path, text, reason):
    make_something_v2(tmp_path)
    (tmp_path / "train.json").write_text(text)
    message = the_error(SomethingV2(tmp_path))
    assert message.startswith(str(tmp_path / "train.json"))
    assert reason in message
    assert len(message) < 400


def test_a_whole_character_of_two_surrogates_is_read(tmp_path):
    make_something_v2(tmp_path)
    entries = json.loads((tmp_path / "train.json").read_text())
    entries.append({"id": "🎬", "template": "Holding [something]"})
    (tmp_path / "train.json").write_text(json.dumps(entries))
    assert "\\ud83c" in (tmp_path / "train.json").read_text()
    module = SomethingV2(tmp_path)
    assert "🎬" in {v.video_id for split in ("train", "calibration") for v in module.videos(split)}


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        ({"": "0", "b": "1"}, "has a class without a name"),
        ({"a": [["0"]], "b": "1"}, "classes are numbered from 0 on"),
    ],
)
def test_classes_that_are_none(tmp_path, labels, reason):
    make_something_v2(tmp_path)
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    assert reason in the_error(SomethingV2(tmp_path))


def test_many_classes_take_no_time(tmp_path):
    made = make_frame_list(tmp_path)
    append(made.root / "category.txt", "\n".join(f"class {number}" for number in range(50_000)))
    started = time.process_time()
    assert len(SomethingV2(tmp_path, **LISTS).class_names) == 50_002
    assert time.process_time() - started < 5


@pytest.mark.skipif(sys.platform != "linux", reason="names are bytes there")
def test_a_file_whose_name_is_not_utf8_has_a_fingerprint(tmp_path):
    for split in ("train", "calibration", "test"):
        folder = tmp_path / split / "class"
        folder.mkdir(parents=True)
        (Path(folder) / "caf\udce9.mp4").write_bytes(b"video")
    assert len(VideoFolder(tmp_path).fingerprint("test")) == 12
