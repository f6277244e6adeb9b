"""``dataset.on_error=skip``: a training goes on without videos that cannot be read, and says which."""

import csv
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tests.end_to_end.bad import assert_refused
from tests.end_to_end.commands import Finished, begun_together
from tests.end_to_end.test_video_folder import SETTINGS, picture
from tests.files import held_in

from dyninf.data.drawn_files import encode
from dyninf.trace import Trace

Command = Callable[..., Finished]

BAD = ("train/brighter/03.mp4", "calibration/darker/05.mp4", "test/brighter/00.mp4")


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    """20 videos in each split, of which one is bad: 5 %."""
    root = tmp_path / "videos"
    for name, brightness in (("brighter", 180), ("darker", -30)):
        encode(picture(brightness), tmp_path / f"{name}.mp4")
        for split in ("train", "calibration", "test"):
            (root / split / name).mkdir(parents=True)
            for number in range(10):
                shutil.copy(tmp_path / f"{name}.mp4", root / split / name / f"{number:02d}.mp4")
    for bad in BAD:
        (root / bad).write_bytes((root / bad).read_bytes()[:500])
    return root


def settings(videos: Path) -> list[str]:
    return [*SETTINGS, f"dataset.root={videos}", "dataset.on_error=skip"]


def skipped_by(run: Path) -> dict[str, str]:
    with (run / "skipped.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len({row["video_id"] for row in rows}) == len(rows)
    assert all(row["reason"].startswith("cannot be opened") for row in rows)
    return {row["video_id"]: row["split"] for row in rows}


def test_a_run_leaves_out_what_is_bad_and_says_so(videos: Path, here: Path, command: Command) -> None:
    # In batches of one, nothing is left of one batch of an epoch, after which there has to be a validation.
    more = ["dataset.batch_size=1", "dataset.num_workers=1", "trainer.max_epochs=2"]
    done = command("train", *settings(videos), *more, "output=run").check()
    assert skipped_by(here / "run") == {bad: bad.split("/")[0] for bad in BAD}
    summary = held_in(here / "run/summary.json")
    assert summary["videos"] == summary["replay_agrees"] == 19
    assert summary["left_out"] == 1
    assert "(19 videos, 1 left out)" in done.out
    for split in ("train", "calibration", "test"):
        assert f"{split}: 1 of 20 videos could not be read and were left out" in done.out
    assert BAD[2] not in Trace.load(here / "run/trace/test").video_ids
    assert "Traceback" not in done.err
    assert "None" not in done.err

    with (here / "run/logs/version_0/metrics.csv").open(newline="") as file:
        validated = [row["epoch"] for row in csv.DictReader(file) if row["val/top1"]]
    assert validated == ["0", "1"]
    assert torch.load(here / "run/checkpoints/last.ckpt", weights_only=True)["epoch"] == 1

    again = command("evaluate", "checkpoint=run/checkpoints/best.ckpt", "output=again").check()
    assert held_in(here / "again/summary.json") == summary
    assert "(19 videos, 1 left out)" in again.out
    assert skipped_by(here / "again") == {bad: bad.split("/")[0] for bad in BAD[1:]}


def test_a_trace_that_lacks_videos_is_not_taken_for_the_whole_split(
    videos: Path, here: Path, command: Command
) -> None:
    command("train", *settings(videos), "output=run").check()
    checkpoint = "checkpoint=run/checkpoints/best.ckpt"
    done = command("evaluate", checkpoint, "dataset.on_error=raise", "output=strict")
    assert done.code == 2
    assert str(videos / BAD[1]) in done.err
    assert len(Trace.load(here / "run/trace/test").video_ids) == 19


def test_a_video_that_fails_after_its_trace_was_recorded_is_left_out_of_the_figures(
    videos: Path, here: Path, command: Command
) -> None:
    for bad in BAD:
        shutil.copy((videos / bad).with_name("01.mp4"), videos / bad)
    command("train", *settings(videos), "output=run").check()
    size = (videos / BAD[2]).stat().st_size
    (videos / BAD[2]).write_bytes(bytes(size))  # of the same size, so that the trace is still of this split
    command("evaluate", "checkpoint=run/checkpoints/best.ckpt", "output=again").check()
    summary = held_in(here / "again/summary.json")
    assert summary["videos"] == summary["replay_agrees"] == 19
    assert summary["left_out"] == 1
    assert not (here / "again/trace").exists()


def test_more_than_one_in_twenty_ends_the_run_with_one_line(
    videos: Path, here: Path, command: Command
) -> None:
    (videos / "train/darker/00.mp4").write_bytes(b"")
    done = command("train", *settings(videos), "output=run")
    assert_refused(done, "train", here, "2 of the 20 videos of video_folder/train cannot be read", "5%")


def test_two_processes_skip_what_is_bad_and_know_of_each_other(videos: Path, here: Path) -> None:
    words = ["trainer=ddp_cpu", *settings(videos), "dataset.batch_size=5", "output=run"]
    begun = begun_together("train", *words, cwd=here, logs=here / "logs")
    done, _ = (one.wait().check() for one in begun)
    assert skipped_by(here / "run") == {bad: bad.split("/")[0] for bad in BAD}
    summary = held_in(here / "run/summary.json")
    assert summary["videos"] == summary["replay_agrees"] == 19
    assert "train: 1 of 20 videos could not be read" in done.out
