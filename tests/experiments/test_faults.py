"""The studies of killed commands: what kills, and small versions of them."""

import subprocess
import sys
from pathlib import Path

import pytest
from experiments.faults.killing import after, run_with_kills, when
from experiments.faults.studies import Trial, run_trials

COUNT = """
import os, subprocess, sys, time
from pathlib import Path
starts = Path("starts")
with starts.open("a") as file:
    file.write("x")
child = subprocess.Popen(["sleep", "600"])
Path("child").write_text(str(child.pid))
print("life", len(starts.read_text()), flush=True)
if len(starts.read_text()) <= 2:
    time.sleep(600)
child.kill()
"""


def test_a_command_is_killed_with_all_that_it_started_and_run_until_it_is_done(tmp_path: Path) -> None:
    pids = []

    def has_started() -> bool:
        child = tmp_path / "child"
        if not child.is_file() or not child.read_text():
            return False
        pids.append(int(child.read_text()))
        child.unlink()
        return True

    command = [sys.executable, "-c", COUNT]
    moments = [when(has_started), when(has_started), after(500)]
    lives = run_with_kills(command, moments, tmp_path / "log", tmp_path)
    assert [life.code for life in lives] == [None, None, 0]
    assert (tmp_path / "log").read_text().splitlines() == ["life 1", "life 2", "life 3"]
    for pid in pids:
        status = Path(f"/proc/{pid}/stat")
        assert not status.exists() or status.read_text().rsplit(")", 1)[1].split()[0] == "Z"


def test_a_command_that_fails_is_told_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(subprocess.CalledProcessError) as caught:
        run_with_kills([sys.executable, "-c", "exit('no bread')"], [], tmp_path / "log")
    assert caught.value.stderr == "no bread"


def test_a_command_that_does_not_end_is_ended(tmp_path: Path) -> None:
    with pytest.raises(TimeoutError, match="more than 0 s"):
        run_with_kills(["sleep", "600"], [], tmp_path / "log", limit=0)


def test_trials_have_rows_and_draw_the_same_again(tmp_path: Path) -> None:
    def begin(folder: Path):
        def run(trial: Trial) -> dict[str, object]:
            return {"identical": True, "drawn": trial.generator.random()}

        return run

    first, again = (run_trials(begin, tmp_path / name, 3, 7, tmp_path / "t.csv") for name in ("a", "b"))
    assert first == again
    assert len({row["drawn"] for row in first}) == 3
    assert (tmp_path / "t.csv").read_text().splitlines()[0] == "trial,identical,drawn"
