"""``resume=true``: a training that was killed goes on as if it had not been, and says when it cannot."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from experiments.faults.killing import Moment, when
from experiments.faults.train import after_savings, compare, left_by
from tests.end_to_end.commands import ENVIRONMENT, Begun, Finished, forked, killed

Command = Callable[..., Finished]
MORE = (
    *("dataset.batch_size=8", "trainer.max_epochs=2", "backbone.dropout=0.2", "mixing=mixup"),
    *("callbacks.last.every_steps=1", "resume=true"),
)  # 24 clips: 3 steps an epoch


@pytest.fixture(scope="module")
def settings(tiny: list[str]) -> list[str]:
    return [word for word in tiny if "max_epochs" not in word] + list(MORE)


@pytest.fixture(scope="module")
def whole(settings: list[str], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run that was never killed. Read only."""
    folder = tmp_path_factory.mktemp("whole")
    forked("train", *settings, "output=run", cwd=folder, logs=folder / "logs").check()
    return folder


def test_a_training_that_is_killed_in_its_epochs_and_in_its_assessment_leaves_the_same(
    settings: list[str], whole: Path, here: Path, command: Command
) -> None:
    run = here / "run"
    last = run / "checkpoints/last.ckpt"
    moments: list[Moment] = [after_savings(last, 2), after_savings(last, 2), when((run / "trace").exists)]
    for moment in moments:
        assert killed("train", *settings, "output=run", cwd=here, logs=here / "logs", moment=moment), (
            here / "logs/err"
        ).read_text()
    assert not (run / "summary.json").exists()
    done = command("train", *settings, "output=run").check()
    assert "is finished" not in done.out
    assert compare(left_by(run), left_by(whole / "run")) == {}


def test_a_scheduler_that_ends_every_process_at_once_ends_the_training_with_a_checkpoint(
    settings: list[str], whole: Path, here: Path, command: Command
) -> None:
    run, words = here / "run", [*settings, "output=run", "dataset.num_workers=1"]
    saved = after_savings(run / "checkpoints/last.ckpt", 2)
    training = subprocess.Popen(
        [sys.executable, "-m", "dyninf.train", *words],
        cwd=here,
        env=os.environ | ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )
    start = time.monotonic()
    while training.poll() is None and not saved(time.monotonic() - start):
        time.sleep(0.002)
    os.killpg(training.pid, signal.SIGTERM)
    said, _ = training.communicate(timeout=120)
    assert training.returncode == 128 + signal.SIGTERM, said
    assert "Traceback" not in said
    with pytest.raises(ProcessLookupError):
        os.killpg(training.pid, 0)
    command("train", *words).check()
    assert compare(left_by(run), left_by(whole / "run")) == {}


def test_a_signal_while_traces_are_recorded_queues_the_job_again_and_ends_nothing(
    settings: list[str], here: Path
) -> None:
    program = here / "bin/scontrol"
    program.parent.mkdir()
    program.write_text(f'#!/bin/sh\necho "$@" >> {here}/called\n')
    program.chmod(0o755)
    path = os.pathsep.join([str(program.parent), os.environ["PATH"]])
    words = [*settings, "output=run", "+callbacks.last.after_signal._target_=dyninf.schemes.Requeue"]
    begun = Begun("train", *words, cwd=here, logs=here / "logs", PATH=path, SLURM_JOB_ID="4711")
    while not (here / "run/trace").exists():
        assert begun.process.is_alive(), begun.wait().err
        time.sleep(0.002)
    os.kill(begun.pid, signal.SIGUSR1)
    done = begun.wait().check()
    assert done.err == "SIGUSR1: no step is trained now; the job is queued again\n"
    assert (here / "called").read_text() == "requeue 4711\n"


def test_a_run_that_is_finished_says_so_and_does_nothing(
    settings: list[str], whole: Path, tmp_path: Path
) -> None:
    before = {path: path.stat().st_mtime_ns for path in (whole / "run").rglob("*")}
    done = forked("train", *settings, "output=run", cwd=whole, logs=tmp_path).check()
    assert "run is finished, with these settings" in "".join(done.out.splitlines())
    assert {path: path.stat().st_mtime_ns for path in (whole / "run").rglob("*")} == before


@pytest.mark.parametrize(
    "change, said",
    [
        ("optimizer.lr=0.5", "optimizer.lr is 0.02 in the file, 0.5 here"),
        ("seed=1", "seed is 0 in the file, 1 here"),
        ("+trainer.benchmark=true", "trainer.benchmark is not there in the file, True here"),
        ("~trainer.gradient_clip_val", "trainer.gradient_clip_val is 20.0 in the file, not there here"),
        ("dataset.batch_size=6", "goes on with 8 clips in a step, as it began; here are 6"),
    ],
)
def test_another_setting_of_the_training_is_named_with_both_values(
    change: str, said: str, settings: list[str], whole: Path, tmp_path: Path
) -> None:
    done = forked("train", *settings, "output=run", change, cwd=whole, logs=tmp_path)
    assert done.code == 2, done.err
    assert done.err.splitlines() == [next(line for line in done.err.splitlines() if said in line)]
