"""What a list names lies in the data set's folder, whatever dots and links are on the way, or is refused."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.data.published import (
    make_frame_list,
    make_hmdb51,
    make_kinetics400,
    make_something_v1,
    make_something_v2,
    make_ucf101,
    make_video_list,
    write_lines,
)

from dyninf.data import (
    HMDB51,
    UCF101,
    Kinetics400,
    PublishedDataModule,
    SomethingV1,
    SomethingV2,
    VideoError,
    VideoFolder,
    check_file,
)

SMALL = {"num_frames": 2, "num_workers": 0, "resize": 48, "crop": 48}
FEW = {"per_class": 2, "test_per_class": 1}
SECRET = "secret/a.avi"


def poison_ucf101(root: Path) -> tuple[PublishedDataModule, str]:
    make_ucf101(root, videos=".", **FEW)
    write_lines(root / "ucfTrainTestlist/classInd.txt", ["1 ApplyEyeMakeup", "2 YoYo", "3 .."])
    with (root / "ucfTrainTestlist/trainlist01.txt").open("a") as file:
        file.write("../a.avi 3\n")
    return UCF101(root, **SMALL), "trainlist01.txt, line"


def poison_hmdb51(root: Path) -> tuple[PublishedDataModule, str]:
    make_hmdb51(root, **FEW)
    file = sorted(root.rglob("*_test_split1.txt"))[0]
    with file.open("a") as opened:
        opened.write("../../../secret/a.avi 1\n")
    return HMDB51(root, **SMALL), f"{file.name}, line"


def poison_kinetics400(root: Path) -> tuple[PublishedDataModule, str]:
    make_kinetics400(root, **FEW)
    file = next(root.glob("*train.csv"))
    [header, *rows] = csv.reader(file.open(newline=""))
    rows[0][header.index("youtube_id")] = "../../../../secret/a"
    with file.open("w", newline="") as opened:
        csv.writer(opened).writerows([header, *rows])
    return Kinetics400(root, **SMALL), f"{file.name}, line 2"


def poison_something_v2(root: Path) -> tuple[PublishedDataModule, str]:
    make_something_v2(root, **FEW)
    file = next(root.rglob("*train.json"))
    entries = json.loads(file.read_text())
    entries[1]["id"] = "../../secret/a"
    file.write_text(json.dumps(entries))
    return SomethingV2(root, **SMALL), f"{file.name}, entry 2"


def poison_video_list(root: Path) -> tuple[PublishedDataModule, str]:
    make_video_list(root, **FEW)
    write_lines(root / "classes.txt", ["air_drumming", "zumba"])
    file = root / "kinetics400_train_list_videos.txt"
    write_lines(file, [*file.read_text().splitlines(), f"../../{SECRET} 0"])
    return Kinetics400(root, **SMALL), f"{file.name}, line"


def poison_absolute_list(root: Path) -> tuple[PublishedDataModule, str]:
    make_video_list(root, **FEW)
    write_lines(root / "classes.txt", ["air_drumming", "zumba"])
    file = root / "kinetics400_train_list_videos.txt"
    write_lines(file, [f"{root.parent / SECRET} 0", *file.read_text().splitlines()])
    return Kinetics400(root, **SMALL), f"{file.name}, line 1: "


def poison_frame_list(root: Path) -> tuple[PublishedDataModule, str]:
    make_frame_list(root, **FEW)
    file = root / "train_videofolder.txt"
    write_lines(file, [*file.read_text().splitlines(), "../../secret 1 0"])
    lists = {"train_list": "train_videofolder.txt", "test_list": "val_videofolder.txt"}
    return SomethingV1(root, **lists, **SMALL), f"{file.name}, line"


POISONED = (
    poison_ucf101,
    poison_hmdb51,
    poison_kinetics400,
    poison_something_v2,
    poison_video_list,
    poison_absolute_list,
    poison_frame_list,
)


@pytest.mark.parametrize("poison", POISONED, ids=lambda poison: poison.__name__.removeprefix("poison_"))
def test_a_list_that_names_a_file_elsewhere_is_refused_with_its_line(
    poison: Callable[[Path], tuple[PublishedDataModule, str]], tmp_path: Path
) -> None:
    (tmp_path / "secret").mkdir()
    (tmp_path / SECRET).write_bytes(b"private")
    module, where = poison(tmp_path / "data")
    with pytest.raises(ValueError, match=r"outside of the data set's folder .*dataset\.also_from") as caught:
        module.videos("train")
    assert where in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
    allowed = type(module)(
        module.root,
        **SMALL,
        train_list=module.train_list,
        test_list=module.test_list,
        also_from=["..", "../../secret"],
    )
    assert allowed.videos("train")


def test_a_linked_folder_is_refused_until_it_is_allowed_and_a_linked_file_when_it_is_read(
    tmp_path: Path,
) -> None:
    make_ucf101(tmp_path / "data", **FEW)
    shutil.move(tmp_path / "data/UCF-101", tmp_path / "store")
    (tmp_path / "data/UCF-101").symlink_to(tmp_path / "store")
    with pytest.raises(ValueError, match=r"leads to '.*/store/.*outside"):
        UCF101(tmp_path / "data", **SMALL).videos("test")
    allowed = UCF101(tmp_path / "data", also_from=[tmp_path / "store"], **SMALL)
    assert allowed.dataset("test")[0].video.shape[0] == 2
    # One video of those is itself a link, to a film that is none of theirs.
    first = allowed.videos("test")[0]
    shutil.move(first.path.resolve(), tmp_path / "private.avi")
    (tmp_path / "store" / first.path.relative_to(tmp_path / "data/UCF-101")).symlink_to(
        tmp_path / "private.avi"
    )
    with pytest.raises(VideoError, match=r"leads to '.*/private.avi' outside"):
        allowed.dataset("test")[0]
    checked = check_file(first, allowed.sampling, "ends", fence=allowed.fence)
    assert (checked.status, "private.avi" in checked.reason) == ("unreadable", True)
    assert allowed.dataset("test")[1].video.shape[0] == 2
    # The data set's own folder may be reached by a link, and links in it lead on inside of it.
    (tmp_path / "alias").symlink_to(tmp_path / "data")
    assert UCF101(tmp_path / "alias", also_from=["../store"], **SMALL).videos("train")


def test_a_linked_image_of_a_folder_is_refused_when_it_is_read(tmp_path: Path) -> None:
    make_something_v1(tmp_path / "data", **FEW)
    module = SomethingV1(tmp_path / "data", **SMALL)
    images = sorted(module.videos("test")[0].path.iterdir())
    shutil.move(images[0], tmp_path / "private.jpg")
    images[0].symlink_to(tmp_path / "private.jpg")
    images[1].unlink()
    images[1].symlink_to(images[2])
    with module_reader(module) as reader:
        assert reader.read([1]).shape[0] == 1
        with pytest.raises(VideoError, match=r"leads to '.*/private.jpg' outside"):
            reader.read([0])


def module_reader(module: PublishedDataModule):
    from dyninf.data import frame_source

    return frame_source(module.videos("test")[0].path, fence=module.fence).open()


def test_also_from_is_a_list_of_folders(tmp_path: Path) -> None:
    for wrong in ("folder", [3]):
        with pytest.raises(ValueError, match="also_from must be a list of folders"):
            VideoFolder(tmp_path, also_from=wrong)
