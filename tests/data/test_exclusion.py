"""Lists of videos that a data set is to do without."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.data.published import make_something_v1, make_ucf101, write_lines

from dyninf.data import UCF101, SomethingV1, VideoFolder

SPLITS = ("train", "calibration", "test")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """20 training and 5 test videos of each of 2 classes. Read only."""
    folder = tmp_path_factory.mktemp("something") / "root"
    make_something_v1(folder, per_class=20, test_per_class=5, frames=1)
    return folder


def excluding(root: Path, file: Path, *names: str) -> SomethingV1:
    write_lines(file, names)
    return SomethingV1(root, exclude=file)


@given(data=st.data())
def test_the_other_videos_keep_their_split_and_their_order(root, tmp_path_factory, data):
    whole = {split: SomethingV1(root).videos(split) for split in SPLITS}
    ids = [video.video_id for videos in whole.values() for video in videos]
    names = data.draw(st.lists(st.sampled_from(ids), unique=True, max_size=30))
    module = excluding(root, tmp_path_factory.mktemp("list") / "exclude.txt", *names)
    for split, videos in whole.items():
        kept = [video for video in videos if video.video_id not in names]
        if kept:
            assert module.videos(split) == kept
        else:
            with pytest.raises(ValueError, match=f"leaves no video of something_v1's split {split}"):
                module.videos(split)


@pytest.mark.parametrize("name", ["{id}", "UCF-101/{id}.avi", "{root}/UCF-101/{id}.avi"])
def test_a_video_is_named_by_its_id_or_its_path(name, tmp_path):
    make_ucf101(tmp_path)
    first, *others = UCF101(tmp_path).videos("test")
    write_lines(tmp_path / "exclude.txt", ["", f"  {name.format(id=first.video_id, root=tmp_path)}", ""])
    assert UCF101(tmp_path, exclude="exclude.txt").videos("test") == others


def test_names_of_no_video_are_fine_beside_one_that_is_known(root, tmp_path):
    known = SomethingV1(root).videos("test")[0].video_id
    module = excluding(root, tmp_path / "exclude.txt", "of another fold", known)
    assert module.videos("train") == SomethingV1(root).videos("train")
    assert known not in {video.video_id for video in module.videos("test")}


def test_a_list_that_names_no_video_at_all_is_refused(root, tmp_path):
    module = excluding(root, tmp_path / "exclude.txt", "of another data set")
    example = SomethingV1(root).videos("train")[0].video_id
    with pytest.raises(ValueError, match=f"exclude.txt names no video of something_v1: .* such as {example}"):
        module.videos("train")


def test_an_empty_list_excludes_nothing(root, tmp_path):
    assert excluding(root, tmp_path / "exclude.txt").videos("test") == SomethingV1(root).videos("test")


def test_a_missing_list_is_named(root, tmp_path):
    with pytest.raises(FileNotFoundError, match=f"no list of excluded videos: .* in {tmp_path}"):
        SomethingV1(root, exclude=tmp_path / "gone.txt").videos("test")


def test_a_fingerprint_is_of_the_videos_that_are_left(root, tmp_path):
    known = SomethingV1(root).videos("test")[0].video_id
    module = excluding(root, tmp_path / "exclude.txt", known)
    assert module.fingerprint("test") != SomethingV1(root).fingerprint("test")
    assert module.fingerprint("train") == SomethingV1(root).fingerprint("train")


def test_folders_of_videos_take_a_list_as_well(numbered_video, tmp_path):
    for split in SPLITS:
        for name in ("a", "b"):
            path = tmp_path / split / name / "0.mp4"
            path.parent.mkdir(parents=True)
            path.symlink_to(numbered_video())
    write_lines(tmp_path / "exclude.txt", ["test/b/0.mp4"])
    module = VideoFolder(tmp_path, exclude="exclude.txt")
    assert [video.video_id for video in module.videos("test")] == ["test/a/0.mp4"]
    assert len(module.videos("train")) == 2
