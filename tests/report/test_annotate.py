"""Copies of videos with predictions written on them."""

from pathlib import Path

import av
import numpy as np
import pytest

from dyninf.data import VideoError
from dyninf.data.drawn_files import encode
from dyninf.report import Annotator, Prediction, captions_of

ROW = Prediction("a.mp4", label=0, class_name="run", probability=0.5, checkpoint="early")


def video(path: Path, height: int = 48, width: int = 64) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    encode(np.zeros((20, height, width, 3), np.uint8), path)
    return path


def spent_of(frame_HWC: np.ndarray) -> float:
    """The share of the bar that is filled."""
    row = frame_HWC[-5].astype(int)
    filled = ((row[:, 0] > 180) & (row[:, 2] < 130)).sum()
    empty = (abs(row - 110).max(-1) < 30).sum()
    return filled / (filled + empty)


def test_every_frame_shows_the_latest_window_and_what_was_spent_so_far(tmp_path: Path) -> None:
    rows = [
        (first, Prediction("a.mp4", class_name="run", probability=0.5, gmacs=g))
        for first, g in ((0, 1.0), (10, 4.0))
    ]
    captions = captions_of(rows, full_gmacs=4.0)
    assert [(c.spent, c.full) for c in captions] == [(1.0, 4.0), (5.0, 8.0)]
    copy = Annotator(tmp_path / "out", tmp_path).write(video(tmp_path / "a.mp4"), captions)
    with av.open(str(copy)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    assert len(frames) == 20
    assert frames[0].shape == (240, 320, 3)  # five times as large, to be read
    for number, frame_HWC in enumerate(frames):
        assert spent_of(frame_HWC) == pytest.approx(0.25 if number < 10 else 0.625, abs=0.04)


def test_copies_lie_as_the_videos_do_and_never_on_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    source, out = tmp_path / "in", tmp_path / "out"
    source.mkdir()
    annotator = Annotator(out, source)
    assert annotator.path_of(source / "x/a.mp4") == out / "x/a.mp4"
    assert annotator.path_of(source / "x/a.avi") == out / "x/a.avi.mp4"
    assert annotator.path_of(source) == out / "in.mp4"
    listed = Annotator(out, None)
    assert listed.path_of(Path("x/a.mp4")) == out / "x/a.mp4"
    assert listed.path_of(Path("../a.mp4")) == out / (tmp_path.parent / "a.mp4").relative_to("/")
    with pytest.raises(ValueError, match="is the folder of the videos themselves"):
        Annotator(source, source)
    with pytest.raises(ValueError, match="is the folder of the videos themselves"):
        Annotator(source, video(source / "a.mp4"))
    (out / "a.mp4").parent.mkdir()
    (out / "a.mp4").symlink_to(source / "a.mp4")
    before = (source / "a.mp4").read_bytes()
    with pytest.raises(VideoError, match="would be replaced by its annotated copy"):
        annotator.write(source / "a.mp4", captions_of([(0, ROW)], 1.0))
    assert (source / "a.mp4").read_bytes() == before


def test_a_video_that_breaks_off_leaves_no_half_of_a_copy(tmp_path: Path) -> None:
    path = video(tmp_path / "in/a.mp4")
    whole = path.read_bytes()
    end = whole.rindex(b"moov") - 16
    path.write_bytes(whole[: end // 2] + bytes(end - end // 2) + whole[end:])
    with pytest.raises(VideoError, match=r"a\.mp4"):
        Annotator(tmp_path / "out", tmp_path / "in").write(path, captions_of([(0, ROW)], 1.0))
    assert [file for file in tmp_path.rglob("*") if file.is_file()] == [path]
