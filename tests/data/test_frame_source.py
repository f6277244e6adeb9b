"""Frames come from files and from folders of images alike, or with one clear line."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.data.published import CODECS, write_images, write_video

from dyninf.data import ImageFolder, Segment, Video, VideoDataset, VideoError, VideoFile, frame_source
from dyninf.data.transforms import ClipTransform


def grey(frames: int) -> np.ndarray:
    """Frames whose brightness is 20 + 10 times their number."""
    brightness_T = (20 + 10 * np.arange(frames)).astype(np.uint8)
    return np.broadcast_to(brightness_T[:, None, None, None], (frames, 32, 48, 3))


def numbers_of(frames_THWC: np.ndarray) -> list[int]:
    return [round((frame.mean() - 20) / 10) for frame in frames_THWC]


def read(path: Path, indices: list[int]) -> np.ndarray:
    with frame_source(path).open() as reader:
        return reader.read(indices)


def count(path: Path) -> int:
    with frame_source(path).open() as reader:
        return reader.count()


@pytest.mark.parametrize("ending", CODECS)
def test_the_frames_of_a_file(ending, tmp_path):
    path = tmp_path / f"video{ending}"
    write_video(path, grey(12))
    source = frame_source(path)
    assert isinstance(source, VideoFile)
    with source.open() as reader:
        assert reader.count() == 12
        assert numbers_of(reader.read([11, 0, 5, 5])) == [11, 0, 5, 5]
        assert [numbers_of(frames) for frames in reader.groups([[7, 3], [3, 4]])] == [[7, 3], [3, 4]]
    assert source.size() == str(path.stat().st_size)


@pytest.mark.parametrize("image", ["{:05d}.jpg", "img_{:05d}.jpg", "image_{:d}.JPEG", "frame_{:06d}.png"])
def test_the_frames_of_a_folder(image, tmp_path):
    write_images(tmp_path / "video", grey(12), image)
    (tmp_path / "video/flow_x_00001.jpg").write_bytes(b"not a frame")
    (tmp_path / "video/notes.txt").touch()
    source = frame_source(tmp_path / "video")
    assert isinstance(source, ImageFolder)
    with source.open() as reader:
        assert reader.count() == 12
        frames_THWC = reader.read([11, 0, 5, 5])
        assert [numbers_of(frames) for frames in reader.groups([[7, 3], [3, 4]])] == [[7, 3], [3, 4]]
    assert (frames_THWC.dtype, frames_THWC.shape) == (np.uint8, (4, 32, 48, 3))
    assert numbers_of(frames_THWC) == [11, 0, 5, 5]


def test_a_folders_size_tells_a_changed_folder(tmp_path):
    write_images(tmp_path, grey(4))
    before = frame_source(tmp_path).size()
    assert before == frame_source(tmp_path).size()
    write_images(tmp_path, grey(5))
    assert frame_source(tmp_path).size() != before


def test_a_grey_image_is_read_in_colour(tmp_path):
    Image.fromarray(grey(3)[2, :, :, 0]).save(tmp_path / "00001.jpg")
    assert read(tmp_path, [0]).shape == (1, 32, 48, 3)


def test_nonsense_indices_are_refused(tmp_path):
    write_images(tmp_path, grey(3))
    for indices in ([], [-1, 2]):
        with pytest.raises(ValueError, match="0 or larger"):
            read(tmp_path, indices)


def test_more_frames_than_the_folder_has(tmp_path):
    write_images(tmp_path, grey(3))
    with pytest.raises(VideoError, match="frame 7 was asked for, but the folder has 3 images"):
        read(tmp_path, [0, 7])


def test_a_folder_without_images(tmp_path):
    (tmp_path / "film.txt").touch()
    with pytest.raises(VideoError) as caught:
        count(tmp_path)
    assert str(caught.value).startswith(f"{tmp_path}: the folder has no image called 00001.jpg")
    assert frame_source(tmp_path).size() == "0 images, the first -1"


@pytest.mark.parametrize("damage", ["length of a chunk", "length of the header"])
def test_a_damaged_png_is_named_whatever_pillow_makes_of_it(damage, tmp_path):
    bad = tmp_path / "00001.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (16, 20, 3), dtype=np.uint8)).save(bad)
    content = bytearray(bad.read_bytes())
    place = content.index({"length of a chunk": b"IDAT", "length of the header": b"IHDR"}[damage])
    content[place - 1] = 5
    bad.write_bytes(content)
    with pytest.raises(VideoError) as caught:
        read(tmp_path, [0])
    assert str(caught.value) == f"{bad}: cannot be read: not an image, or a truncated one"


@pytest.mark.parametrize("content", ["text", "half", "nothing"])
def test_an_image_that_cannot_be_read_is_named(content, tmp_path):
    write_images(tmp_path, np.random.default_rng(0).integers(0, 255, (3, 64, 64, 3), dtype=np.uint8))
    bad = tmp_path / "00002.jpg"
    whole = bad.read_bytes()
    bad.write_bytes({"text": b"These are words.", "half": whole[: len(whole) // 2], "nothing": b""}[content])
    with pytest.raises(VideoError) as caught:
        read(tmp_path, [0, 1, 2])
    assert str(caught.value) == f"{bad}: cannot be read: not an image, or a truncated one"


def test_images_of_different_sizes_are_refused(tmp_path):
    write_images(tmp_path, grey(3))
    Image.new("RGB", (20, 10)).save(tmp_path / "00002.jpg")
    with pytest.raises(VideoError, match="its images differ in size: 20x10, 48x32"):
        read(tmp_path, [0, 1])


def test_a_missing_path(tmp_path):
    with pytest.raises(VideoError, match="no such file"):
        count(tmp_path / "gone")
    assert frame_source(tmp_path / "gone").size() == "-1"


def test_a_folder_shorter_than_the_clip_is_named(tmp_path):
    write_images(tmp_path / "short", grey(3))
    dataset = VideoDataset([Video(tmp_path / "short", 0, "short")], Segment(4), ClipTransform(32, 32))
    with pytest.raises(VideoError, match=r"short: has 3 frames, fewer than the 4 asked for"):
        dataset[0]
