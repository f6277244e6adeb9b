"""What is larger or longer than it may be is refused by name, before memory is taken for it."""

import os
import socket
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image
from tests.data.published import make_ucf101

from dyninf.data import UCF101, Limits, Video, VideoError, VideoLimitError, check_file, frame_source, measure
from dyninf.data.sampling import Segment

USUAL = Limits()


def read(path: Path, limits: Limits = USUAL, frames: tuple[int, ...] = (0,)) -> np.ndarray:
    with frame_source(path, limits=limits).open() as reader:
        reader.count()
        return reader.read(frames)


def refused(path: Path, limits: Limits = USUAL) -> str:
    with pytest.raises(VideoError) as caught:
        read(path, limits)
    assert str(caught.value).startswith(f"{path}: ")
    return caught.value.reason


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(max_megabytes=0.001), "MB large, more than max_megabytes=0.001 lets it"),
        (Limits(max_seconds=1), "lasts 1.1 s or more, more than max_seconds=1 lets it"),
        (Limits(max_frames=31), "has more frames, more than max_frames=31 lets it"),
        (Limits(max_megapixels=0.003), "declares pictures of 64 x 48 pixels, more than max_megapixels=0.003"),
    ],
)
def test_a_video_beyond_a_limit_says_what_it_has_and_which_setting_refuses_it(
    numbered_video: Callable[..., Path], limits: Limits, said: str
) -> None:
    path = numbered_video()
    assert said in refused(path, limits)
    assert check_file(Video(path, 0, "v"), Segment(4), "ends", limits).reason in refused(path, limits)
    with pytest.raises(VideoLimitError, match="more than max_"):
        measure(path, limits)


def test_a_video_at_its_limits_is_read_and_none_is_no_limit(numbered_video: Callable[..., Path]) -> None:
    path = numbered_video()
    exact = Limits(path.stat().st_size / 2**20, measure(path).seconds, 32, 64 * 48 / 1e6)
    np.testing.assert_array_equal(read(path, exact), read(path, Limits.of(None)))


def test_limits_come_from_settings_by_name() -> None:
    assert Limits.of({"max_frames": 5}) == Limits(max_frames=5)
    assert Limits.of(None) == Limits(None, None, None, None)
    with pytest.raises(ValueError, match="limits has no max_size; it has max_megabytes, max_seconds"):
        Limits.of({"max_size": 5})
    with pytest.raises(ValueError, match="max_seconds must be a number of at least 0, or null; got 'long'"):
        Limits.of({"max_seconds": "long"})
    with pytest.raises(ValueError, match="max_megapixels must be a finite number, or null for any; got inf"):
        Limits.of({"max_megapixels": float("inf")})


def test_a_data_set_holds_its_videos_to_its_limits(tmp_path: Path) -> None:
    make_ucf101(tmp_path)
    data = UCF101(tmp_path, num_workers=0, num_frames=2, limits={"max_frames": 1})
    with pytest.raises(VideoLimitError, match="more than max_frames=1"):
        data.dataset("test")[0]


def test_a_file_of_some_bytes_that_claims_hours_is_not_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "hours.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mjpeg", rate=1, width=32, height=32, pix_fmt="yuvj420p")
        for second in (0, 36_000):
            frame = av.VideoFrame.from_ndarray(np.zeros((32, 32, 3), np.uint8))
            frame.pts = second
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    assert path.stat().st_size < 5000
    assert "lasts 36000.0 s or more, more than max_seconds=14400" in refused(path)


def test_pictures_that_unpack_to_gigabytes_are_refused_by_their_head(tmp_path: Path) -> None:
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    def png(side: int) -> bytes:
        head = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0))
        return b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(10**6))) + chunk(b"IEND", b"")

    def jpeg(side: int) -> bytes:
        Image.new("RGB", (16, 16)).save(tmp_path / "small.jpg")
        data = bytearray((tmp_path / "small.jpg").read_bytes())
        at = data.index(b"\xff\xc0") + 5
        data[at : at + 4] = struct.pack(">HH", side, side)
        return bytes(data)

    said = {}
    for name, content in (("p", png(20_000)), ("q", png(5000)), ("j", jpeg(60_000)), ("k", jpeg(5000))):
        folder = tmp_path / name
        folder.mkdir()
        image = folder / ("00001.png" if name in "pq" else "00001.jpg")
        image.write_bytes(content)
        with pytest.raises(VideoError) as caught:
            read(folder)
        assert caught.value.path == image
        said[name] = caught.value.reason
    assert "declares far more pixels than a picture has" in said["p"]
    assert "declares far more pixels than a picture has" in said["j"]
    declared = "declares pictures of 5000 x 5000 pixels, more than max_megapixels=16.8 lets it"
    assert said["q"] == said["k"] == declared
    # As a video: the head of one picture is all that Motion JPEG has.
    film = tmp_path / "film.mjpeg"
    film.write_bytes(3 * jpeg(60_000))
    assert refused(film)


def test_a_coded_size_that_is_huge_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    # VP8 in IVF has its size in the head of the file and again in that of each key frame.
    path = tmp_path / "huge.ivf"
    head = struct.pack("<4sHH4sHHIIII", b"DKIF", 0, 32, b"VP80", 16383, 16383, 25, 1, 2, 0)
    frame = bytes([0x10, 0x40, 0x00]) + b"\x9d\x01\x2a" + struct.pack("<HH", 16383, 16383) + bytes(300)
    path.write_bytes(head + b"".join(struct.pack("<IQ", len(frame), t) + frame for t in range(2)))
    code = (
        "import sys, resource\n"
        "from dyninf.data import VideoError, read_frames\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "try:\n    read_frames(sys.argv[1], [0])\n"
        "except VideoError as error:\n    print(error.reason)\n"
        "print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, timeout=60, check=True
    )
    reason, megabytes = done.stdout.splitlines()
    assert reason.startswith("declares pictures of 16383 x 16383 pixels")
    assert float(megabytes) < 64


def test_what_is_no_file_is_one_error_and_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp4")
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(tmp_path / "socket.mp4"))
        for path in (tmp_path / "pipe.mp4", tmp_path / "socket.mp4", Path("/dev/zero"), Path("/dev/null")):
            assert refused(path) == "is a pipe, a device or a socket, not a file"
    (tmp_path / "folder.mp4").mkdir()
    assert "the folder has no image called 00001.jpg" in refused(tmp_path / "folder.mp4")
    (tmp_path / "images").mkdir()
    os.mkfifo(tmp_path / "images/00001.jpg")
    with pytest.raises(VideoError, match="is a pipe"):
        read(tmp_path / "images")


def test_a_list_of_other_files_is_no_video_whatever_it_is_called(
    numbered_video: Callable[..., Path], tmp_path: Path
) -> None:
    path = tmp_path / "list.mp4"
    (tmp_path / "other.mp4").write_bytes(numbered_video().read_bytes())
    path.write_text("ffconcat version 1.0\nfile other.mp4\n")
    assert refused(path) == "is a list of other files, which are not opened"


def test_an_image_that_a_program_of_the_machine_would_draw_is_none(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    image = tmp_path / "images/00001.png"
    Image.new("RGB", (8, 8)).save(image, format="EPS")
    assert image.read_bytes().startswith(b"%!PS")
    with pytest.raises(VideoError, match="not an image"):
        read(tmp_path / "images")
