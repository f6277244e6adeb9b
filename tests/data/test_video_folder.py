"""Your own videos: list files, names for labels, and calibration videos held out where there are none."""

from pathlib import Path

import pytest
from tests.data.checks import SMALL, append, labels_of, the_error
from tests.data.published import items, write_images, write_lines, write_video

from dyninf.data import VideoFolder

CLASSES = ("look up", "look down")
LISTS = {"train_list": "train.txt", "test_list": "test.txt"}


def make_lists(root: Path, label: str, calibration: bool = False, images: bool = False) -> dict[str, int]:
    """Lists of the splits; their labels are `label` with {name} or {number} filled in.

    Returns the label of every video id, where classes are numbered in alphabetical order.
    """
    rows: dict[str, list[str]] = {"train": [], "calibration": [], "test": []}
    labels = {}
    for item in items(CLASSES, 5, 2):
        split = "calibration" if calibration and item.split == "train" and item.index == 4 else item.split
        said = label.format(name=item.class_name, number=item.label)
        path = f"my clips/no {item.number}"
        if images:
            write_images(root / path, item.frames(6))
            rows[split].append(f"{path} 6 {said}")
        else:
            write_video(root / f"{path}.mp4", item.frames(6))
            rows[split].append(f"{path}.mp4 {said}")
        labels[path] = sorted(CLASSES).index(item.class_name)
    for split, lines in rows.items():
        write_lines(root / f"{split}.txt", lines)
    return labels


def test_lists_with_names_for_labels_name_the_classes(tmp_path):
    made = make_lists(tmp_path, "{name}")
    module = VideoFolder(tmp_path, **LISTS, **SMALL)
    assert module.class_names == ("look down", "look up")
    assert labels_of(module, "train", "calibration", "test") == made
    assert {len(module.videos(split)) for split in ("train", "calibration", "test")} == {8, 2, 4}
    assert next(iter(module.test_dataloader())).video.shape == (2, 4, 3, 32, 32)


@pytest.mark.parametrize("label", ["{name}", "{number}"])
@pytest.mark.parametrize("images", [False, True])
def test_a_file_gives_the_classes_an_order_and_lists_may_use_either(label, images, tmp_path):
    made = make_lists(tmp_path, label, images=images)
    write_lines(tmp_path / "classes.txt", CLASSES)
    module = VideoFolder(tmp_path, **LISTS, **SMALL)
    assert module.class_names == CLASSES
    assert labels_of(module, "train", "calibration", "test") == {i: 1 - label for i, label in made.items()}
    assert next(iter(module.test_dataloader())).video.shape == (2, 4, 3, 32, 32)


@pytest.mark.parametrize("line", ["{}.mp4\t{}", "{}.mp4,{}", "{}.mp4 40 {}", "{}.AVI  {}"])
def test_fields_of_a_list_are_parted_by_spaces_tabs_or_commas(line, tmp_path):
    for split in ("train", "test"):
        rows = [line.format(f"a/b c {n}", CLASSES[n % 2]) for n in range(4)]
        write_lines(tmp_path / f"{split}.txt", rows)
    module = VideoFolder(tmp_path, **LISTS)
    assert module.class_names == ("look down", "look up")
    assert labels_of(module, "test") == {"a/b c 0": 1, "a/b c 1": 0, "a/b c 2": 1, "a/b c 3": 0}


def test_a_list_of_calibration_videos_is_taken_where_it_is_given(tmp_path):
    make_lists(tmp_path, "{name}", calibration=True)
    module = VideoFolder(tmp_path, **LISTS, calibration_list="calibration.txt")
    assert labels_of(module, "calibration") == {"my clips/no 10004": 1, "my clips/no 20004": 0}
    assert len(module.videos("train")) == 8
    append(tmp_path / "train.txt", "my clips/no 10004.mp4 look up")
    again = VideoFolder(tmp_path, **LISTS, calibration_list="calibration.txt")
    assert the_error(again).endswith("lists my clips/no 10004 for training and calibration")


def test_a_folder_without_calibration_videos_holds_some_out_of_train(tmp_path):
    for item in items(CLASSES, 10, 2):
        (tmp_path / item.split / item.class_name).mkdir(parents=True, exist_ok=True)
        (tmp_path / item.split / item.class_name / f"{item.number}.mp4").touch()
    module = VideoFolder(tmp_path, calibration_share=0.2)
    assert sorted(labels_of(module, "calibration").values()) == [0, 0, 1, 1]
    assert len(labels_of(module, "train", "calibration")) == 20
    other = VideoFolder(tmp_path, calibration_share=0.2, calibration_seed=1)
    assert labels_of(other, "calibration") != labels_of(module, "calibration")
    for name in CLASSES:
        (tmp_path / "calibration" / name).mkdir(parents=True)
        (tmp_path / "calibration" / name / "a.mp4").touch()
    given = VideoFolder(tmp_path)
    assert labels_of(given, "calibration") == {
        "calibration/look down/a.mp4": 0,
        "calibration/look up/a.mp4": 1,
    }
    assert len(given.videos("train")) == 20


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        (
            "test.txt",
            "x.mp4 look left",
            "a number or one of look down, look up; got 'x.mp4 look left'",
        ),
        ("test.txt", "x.mp4 2", "label 2 is unknown; they go from 0 to 1"),
        ("train.txt", "x.mp4", 'expected "path label" or "folder frames label"; got \'x.mp4\''),
        (
            "train.txt",
            "x.mp4 1",
            "its label is a number, but that in line 1 is a name: put classes.txt",
        ),
    ],
)
def test_a_label_that_cannot_be_used_is_named(file, line, said, tmp_path):
    make_lists(tmp_path, "{name}")
    number = append(tmp_path / file, line)
    message = the_error(VideoFolder(tmp_path, **LISTS), file.removesuffix(".txt"))
    assert message.startswith(f"{tmp_path / file}, line {number}: ")
    assert said in message


def test_numbers_without_names_say_where_to_put_them(tmp_path):
    make_lists(tmp_path, "{number}")
    message = the_error(VideoFolder(tmp_path, **LISTS))
    assert message == (
        f"{tmp_path}/train.txt: its labels lack names: put classes.txt beside it, one class a line"
    )


def test_a_list_of_calibration_videos_alone_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"calibration_list=a\.txt needs train_list and test_list"):
        VideoFolder(tmp_path, calibration_list="a.txt")
