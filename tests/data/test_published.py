"""What holds for every published data set: one clear error, calibration carved from train."""

import re
import shutil
from pathlib import Path

import pytest
import torch
from tests.data.checks import MODULES, SMALL, append, labels_of, the_error
from tests.data.published import (
    make_hmdb51,
    make_kinetics400,
    make_something_v1,
    make_something_v2,
    make_ucf101,
    make_video_list,
    write_lines,
)

from dyninf.data import HMDB51, UCF101, Kinetics400, SomethingV1, SomethingV2, VideoError


@pytest.mark.parametrize(
    ("module", "make", "file", "line", "said"),
    [
        (Kinetics400, make_kinetics400, "train.csv", "zumba,abc,1", "time_end,split; got 'zumba,abc,1'"),
        (
            Kinetics400,
            make_kinetics400,
            "train.csv",
            "zumba,abc,one,11,train",
            "whole seconds; got 'one' and '11'",
        ),
        (Kinetics400, make_kinetics400, "val.csv", "yoga,abc,1,11,val", "no class 'yoga' among the 2"),
        (Kinetics400, make_video_list, "kinetics400_val_list_videos.txt", "a/b.mp4 9", "from 0 to 1"),
        (UCF101, make_ucf101, "ucfTrainTestlist/classInd.txt", "4 Yawn", 'expected "3 CLASS"'),
        (UCF101, make_ucf101, "ucfTrainTestlist/trainlist01.txt", "YoYo/a.avi", "CLASS/VIDEO.avi NUMBER"),
        (
            UCF101,
            make_ucf101,
            "ucfTrainTestlist/trainlist01.txt",
            "YoYo/a.avi 1",
            "has the number 2 in classInd",
        ),
        (UCF101, make_ucf101, "ucfTrainTestlist/testlist01.txt", "Yoga/a.avi", "no class 'Yoga' among the 2"),
        (HMDB51, make_hmdb51, "testTrainMulti_7030_splits/wave_test_split1.txt", "a.avi 3", "1 (train)"),
        (SomethingV1, make_something_v1, "something-something-v1-train.csv", "77", 'expected "ID;CLASS"'),
        (
            SomethingV1,
            make_something_v1,
            "something-something-v1-validation.csv",
            "7;Eating",
            "class 'Eating'",
        ),
    ],
)
def test_a_line_that_cannot_be_used_is_named(module, make, file, line, said, tmp_path):
    make(tmp_path)
    number = append(tmp_path / file, line)
    message = the_error(module(tmp_path), "test" if re.search("val|test", Path(file).stem) else "train")
    assert message.startswith(f"{tmp_path / file}, line {number}: ")
    assert said in message


def test_a_file_that_is_no_text_is_named(tmp_path):
    make_ucf101(tmp_path)
    file = tmp_path / "ucfTrainTestlist/trainlist01.txt"
    file.write_bytes(b"\xff\xfe\x00")
    assert the_error(UCF101(tmp_path)) == f"{file}: is not a text file in UTF-8"


@pytest.mark.parametrize(
    ("module", "make", "file", "split"),
    [
        (Kinetics400, make_kinetics400, "train.csv", "train"),
        (Kinetics400, make_kinetics400, "val.csv", "test"),
        (Kinetics400, make_video_list, "kinetics400_val_list_videos.txt", "test"),
        (UCF101, make_ucf101, "ucfTrainTestlist/classInd.txt", "train"),
        (UCF101, make_ucf101, "ucfTrainTestlist/trainlist01.txt", "train"),
        (UCF101, make_ucf101, "ucfTrainTestlist/testlist01.txt", "test"),
        (HMDB51, make_hmdb51, "testTrainMulti_7030_splits/wave_test_split1.txt", "train"),
        (SomethingV1, make_something_v1, "something-something-v1-labels.csv", "train"),
        (SomethingV1, make_something_v1, "something-something-v1-validation.csv", "test"),
        (SomethingV2, make_something_v2, "labels.json", "train"),
        (SomethingV2, make_something_v2, "train.json", "train"),
    ],
)
def test_a_missing_annotation_file_is_named_with_the_places_looked_at(module, make, file, split, tmp_path):
    make(tmp_path)
    (tmp_path / file).unlink()
    message = the_error(module(tmp_path), split)
    assert Path(file).name in message
    assert str((tmp_path / file).parent) in message


@pytest.mark.parametrize("module", MODULES)
def test_a_missing_folder_is_named(module, tmp_path):
    assert the_error(module(tmp_path / "gone")).startswith(f"no folder {tmp_path / 'gone'}: it has to hold ")


def test_a_video_listed_twice_is_named(tmp_path):
    make_ucf101(tmp_path)
    file = tmp_path / "ucfTrainTestlist/trainlist01.txt"
    append(file, file.read_text().splitlines()[0])
    said = "lists the training video 'ApplyEyeMakeup/v_ApplyEyeMakeup_g03_c01' twice"
    assert said in the_error(UCF101(tmp_path))


def test_a_class_named_twice_is_refused(tmp_path):
    make_something_v1(tmp_path)
    append(tmp_path / "something-something-v1-labels.csv", "Holding something")
    assert the_error(SomethingV1(tmp_path)).endswith("names a class twice: 'Holding something'")


@pytest.mark.parametrize(
    ("module", "make", "pattern"),
    [
        (Kinetics400, make_kinetics400, "val/zumba/*_000000_000010.mp4"),
        (UCF101, make_ucf101, "UCF-101/YoYo/*_g01_c01.avi"),
        (HMDB51, make_hmdb51, "hmdb51_org/wave/Film_1_*.avi"),
        (SomethingV2, make_something_v2, "20bn-something-something-v2/25000.webm"),
        (SomethingV1, make_something_v1, "20bn-something-something-v1/25000"),
    ],
)
def test_a_listed_video_that_is_missing_is_named_when_it_is_read(module, make, pattern, tmp_path):
    make(tmp_path)
    (path,) = tmp_path.glob(pattern)
    path.rename(tmp_path / "elsewhere")
    dataset = module(tmp_path, **SMALL).dataset("test")
    with pytest.raises(VideoError) as caught:
        [dataset[index] for index in range(len(dataset))]
    assert str(caught.value) == f"{path}: no such file"


def test_no_training_video_to_spare_for_calibration_is_said(tmp_path):
    make_something_v1(tmp_path, per_class=1)
    assert "has no class with two training videos" in the_error(SomethingV1(tmp_path), "calibration")


@pytest.mark.parametrize("share", [0, 1, -0.1])
def test_a_share_for_calibration_that_is_none_is_refused(share, tmp_path):
    with pytest.raises(ValueError, match=f"calibration_share must be between 0 and 1; got {share}"):
        UCF101(tmp_path, calibration_share=share)


def test_another_seed_holds_out_other_videos(tmp_path):
    make_something_v1(tmp_path, per_class=20, frames=1)
    held = [labels_of(SomethingV1(tmp_path, calibration_seed=seed), "calibration") for seed in (0, 0, 1)]
    assert held[0] == held[1] != held[2]
    share = labels_of(SomethingV1(tmp_path, calibration_share=0.25), "calibration")
    assert sorted(share.values()) == [0] * 5 + [1] * 5


def test_a_fingerprint_does_not_depend_on_where_the_files_lie_or_on_the_order_of_a_list(tmp_path):
    make_something_v1(tmp_path / "a")
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    file = tmp_path / "b/something-something-v1-train.csv"
    write_lines(file, file.read_text().splitlines()[::-1])
    one, other = (SomethingV1(tmp_path / name) for name in "ab")
    for split in ("train", "calibration", "test"):
        assert one.fingerprint(split) == other.fingerprint(split)
    (tmp_path / "b/20bn-something-something-v1/25000/00008.jpg").unlink()
    assert one.fingerprint("test") != other.fingerprint("test")


@pytest.mark.parametrize(
    ("module", "make"), [(Kinetics400, make_kinetics400), (SomethingV1, make_something_v1)]
)
def test_workers_open_the_files(module, make, tmp_path):
    make(tmp_path)
    with_workers = module(tmp_path, **SMALL | {"num_workers": 1}).test_dataloader()
    for a, b in zip(with_workers, module(tmp_path, **SMALL).test_dataloader(), strict=True):
        assert torch.equal(a.video, b.video)
        assert a.video_id == b.video_id
