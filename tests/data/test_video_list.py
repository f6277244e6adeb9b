"""List files that any data set can be read from."""

import shutil

import pytest
import torch
from tests.data.checks import LISTS, MODULES, SMALL, append, assert_lists, labels_of, the_error
from tests.data.published import make_frame_list, make_something_v1, make_video_list, write_lines

from dyninf.data import UCF101, Kinetics400, SomethingV1


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("image", ["img_{:05d}.jpg", "{:05d}.jpg"])
def test_every_data_set_reads_lists_of_extracted_frames(module, image, tmp_path):
    assert_lists(module(tmp_path, **LISTS, **SMALL), make_frame_list(tmp_path, image=image))


def test_absolute_paths_in_a_list_give_ids_without_the_machines_part(tmp_path):
    made = make_video_list(tmp_path)
    for split in ("train", "val"):
        file = tmp_path / f"kinetics400_{split}_list_videos.txt"
        lines = file.read_text().splitlines()
        write_lines(file, [f"{tmp_path}/videos_{split}/{line}" for line in lines])
    ids = labels_of(Kinetics400(tmp_path), "test")
    assert ids == {f"videos_val/{video_id}": label for video_id, label in made.test.items()}
    elsewhere = shutil.copytree(tmp_path, tmp_path / "copy")
    assert labels_of(Kinetics400(elsewhere, also_from=[".."]), "test") == made.test


def test_a_lists_number_of_frames_is_the_number_that_counts(tmp_path):
    make_frame_list(tmp_path, frames=8)
    file = tmp_path / "val_videofolder.txt"
    file.write_text(file.read_text().replace(" 8 ", " 4 "))
    module = SomethingV1(tmp_path, **LISTS, **SMALL)
    shorter = module.dataset("test")[0].video
    for number in range(5, 9):
        (tmp_path / f"frames/{module.videos('test')[0].video_id}/img_{number:05d}.jpg").unlink()
    assert torch.equal(shorter, module.dataset("test")[0].video)


def test_a_list_may_take_its_classes_from_the_published_files(tmp_path):
    made = make_something_v1(tmp_path)
    make_frame_list(tmp_path, class_file=None, folder="other-frames")
    assert SomethingV1(tmp_path, **LISTS).class_names == made.classes


def test_a_list_without_any_names_says_where_to_put_them(tmp_path):
    make_frame_list(tmp_path, class_file=None)
    message = the_error(SomethingV1(tmp_path, **LISTS))
    assert message.startswith(f"{tmp_path / LISTS['train_list']}: its labels lack names")
    assert "classes.txt" in message


@pytest.mark.parametrize("line", ["only-a-path", "path.mp4 label", "5", "path.mp4 -1", ""])
def test_a_malformed_line_of_a_list_is_named(line, tmp_path):
    make_frame_list(tmp_path)
    file = tmp_path / "train_videofolder.txt"
    if not line:
        file.write_text("\n")
        assert the_error(UCF101(tmp_path, **LISTS)) == f"{file}: lists no video"
    else:
        number = append(file, line)
        assert the_error(UCF101(tmp_path, **LISTS)).startswith(f"{file}, line {number}: expected ")


def test_an_unknown_label_of_a_list_is_named(tmp_path):
    make_frame_list(tmp_path)
    number = append(tmp_path / "train_videofolder.txt", "77 8 2")
    message = the_error(UCF101(tmp_path, **LISTS))
    assert (
        message == f"{tmp_path}/train_videofolder.txt, line {number}: label 2 is unknown; they go from 0 to 1"
    )


def test_a_list_that_is_missing_is_named(tmp_path):
    make_frame_list(tmp_path)
    (tmp_path / "val_videofolder.txt").unlink()
    assert f"val_videofolder.txt in {tmp_path}" in the_error(UCF101(tmp_path, **LISTS), "test")


def test_one_list_alone_is_refused(tmp_path):
    with pytest.raises(ValueError, match=r"give both train_list and test_list; got a\.txt and None"):
        UCF101(tmp_path, train_list="a.txt")
