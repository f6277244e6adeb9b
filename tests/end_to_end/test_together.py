"""A training in several processes: what they give, and how they end."""

import os
import shutil
import signal
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.end_to_end.commands import Begun, Finished, begun_together
from tests.end_to_end.test_video_folder import SETTINGS, picture

from dyninf.data.drawn_files import encode

SPLITS = {"train": 24, "calibration": 13, "test": 101}
TOGETHER = ["trainer=ddp_cpu", "report=false"]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Splits that two processes cannot halve. Read only."""
    root = tmp_path_factory.mktemp("together") / "videos"
    for split, number in SPLITS.items():
        for name in ("brighter", "darker"):
            (root / split / name).mkdir(parents=True)
        for i in range(number):
            name, slope = (("brighter", 180), ("darker", -30))[i % 2]
            file, first = root / split / name / f"{i:03d}.mp4", root / split / name / f"{i % 8:03d}.mp4"
            if file == first:
                encode(picture(slope - i), file)
            else:
                file.hardlink_to(first)
    return root


def settings(videos: Path, *more: str) -> list[str]:
    return [*TOGETHER, *SETTINGS, f"dataset.root={videos}", "output=run", *more]


def wait_for(file: Path, begun: Sequence[Begun]) -> None:
    deadline = time.monotonic() + 120
    while not file.exists():
        assert all(one.process.is_alive() for one in begun), [one.wait().err for one in begun]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def complaints(*done: Finished) -> list[str]:
    """Lines of the processes that say what went wrong; none may have a traceback."""
    lines = [line for one in done for line in one.err.splitlines()]
    assert not any("Traceback" in line for line in lines), lines
    return [line for line in lines if line.startswith("dyninf.train: ")]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_a_process_that_is_killed_ends_the_training_with_one_line(videos: Path, here: Path) -> None:
    begun = Begun("train", *settings(videos, "trainer.max_epochs=1000"), cwd=here, logs=here / "logs")
    wait_for(here / "run/checkpoints/last.ckpt", [begun])
    [other] = map(int, Path(f"/proc/{begun.pid}/task/{begun.pid}/children").read_text().split())
    os.kill(other, signal.SIGKILL)
    done = begun.wait()
    assert done.code == 2
    [line] = complaints(done)
    assert f"error: process 1 of 2 (pid {other}, host " in line
    assert "SIGKILL) is gone" in line
    last = here / "run/checkpoints/last.ckpt"
    assert line.endswith(f"the last checkpoint is {last}; go on with output={here}/run resume=true")
    assert not is_alive(other)


def test_when_the_first_process_is_killed_another_one_says_so(videos: Path, here: Path) -> None:
    words = settings(videos, "trainer.max_epochs=1000")
    first, second = begun_together("train", *words, cwd=here, logs=here / "logs")
    wait_for(here / "run/checkpoints/last.ckpt", [first, second])
    os.kill(first.pid, signal.SIGKILL)
    assert first.wait().code == -signal.SIGKILL
    done = second.wait()
    assert done.code == 2
    [line] = complaints(done)
    assert f"error: process 0 of 2 (pid {first.pid}, host " in line
    assert "go on with" in line


def test_an_error_in_one_process_is_the_one_line_of_all(videos: Path, here: Path) -> None:
    spoilt = shutil.copytree(videos, here / "videos")
    bad = spoilt / "train/darker/005.mp4"
    bad.unlink()
    bad.write_bytes(b"no video")
    begun = begun_together("train", *settings(spoilt), cwd=here, logs=here / "logs")
    done = [one.wait() for one in begun]
    assert [one.code for one in done] == [2, 2]
    [line] = complaints(*done)
    assert str(bad) in line


def test_processes_that_were_started_one_by_one_are_asked_for_a_folder(videos: Path, here: Path) -> None:
    words = [word for word in settings(videos) if not word.startswith("output=")]
    begun = begun_together("train", *words, cwd=here, logs=here / "logs")
    for one in begun:
        done = one.wait()
        assert done.code == 2
        [line] = complaints(done)
        assert line.endswith("processes that were started one by one need the same folder: output=DIR")
