"""Jobs of SLURM, with a ``scontrol`` that writes down how it is called."""

import signal
from pathlib import Path
from types import SimpleNamespace

import pytest

from dyninf.schemes import Requeue, SlurmTasks, heed_signals


@pytest.fixture
def called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the arguments of each call are, a line each."""
    program = tmp_path / "scontrol"
    program.write_text(f'#!/bin/sh\nprintf "%s|" "$@" >> {tmp_path}/called\necho >> {tmp_path}/called\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for name in ("SLURM_ARRAY_JOB_ID", "SLURM_ARRAY_TASK_ID"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SLURM_JOB_ID", "4711")
    return tmp_path / "called"


def test_the_first_process_puts_its_job_into_the_queue_once(
    called: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    again = Requeue()
    again(SimpleNamespace(is_global_zero=False))
    assert not called.exists()
    for _ in range(2):
        again(SimpleNamespace(is_global_zero=True))
    assert called.read_text() == "requeue|4711|\n"
    assert capsys.readouterr().err == "saved; the job is queued again\n"


def test_a_task_of_an_array_is_queued_alone(called: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_ARRAY_JOB_ID", "12")
    monkeypatch.setenv("SLURM_ARRAY_TASK_ID", "3")
    Requeue()(SimpleNamespace(is_global_zero=True))
    assert called.read_text() == "requeue|12_3|\n"


@pytest.mark.parametrize("job", ["", "1; touch stolen", "$(id)", "--help"])
def test_what_is_no_number_of_a_job_goes_nowhere(
    job: str, called: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SLURM_JOB_ID", job)
    Requeue()(SimpleNamespace(is_global_zero=True))
    assert not called.exists()
    assert "saved; the job is not queued again: SLURM_JOB_ID names no job" in capsys.readouterr().err


def test_a_job_that_cannot_be_queued_again_is_told_and_tried_again(
    called: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    program = called.with_name("scontrol")
    program.write_text("#!/bin/sh\necho Job has no requeue flag >&2\nexit 1\n")
    again = Requeue()
    for _ in range(2):
        again(SimpleNamespace(is_global_zero=True))
    line = "saved; the job is not queued again: scontrol ended with code 1: Job has no requeue flag\n"
    assert capsys.readouterr().err == 2 * line


def test_outside_a_training_the_signal_queues_the_job_again_once(
    called: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = signal.getsignal(signal.SIGUSR1)
    with heed_signals(Requeue(), speaks=True):
        for _ in range(2):
            signal.raise_signal(signal.SIGUSR1)
    assert signal.getsignal(signal.SIGUSR1) == before
    assert called.read_text() == "requeue|4711|\n"
    assert capfd.readouterr().err == "SIGUSR1: no step is trained now; the job is queued again\n"


@pytest.mark.parametrize("after_signal, speaks", [(None, True), (Requeue(), False)])
def test_outside_a_training_the_signal_ends_nothing(
    after_signal: Requeue | None, speaks: bool, called: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with heed_signals(after_signal, speaks):
        signal.raise_signal(signal.SIGUSR1)
    assert not called.exists()
    assert capfd.readouterr().err == "SIGUSR1: no step is trained now; it goes on\n" * speaks


def test_without_srun_the_trainer_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLURM_NTASKS", raising=False)
    with pytest.raises(ValueError, match=r"that srun started: SLURM_NTASKS is not set; .*trainer=ddp"):
        SlurmTasks()


def test_tasks_that_are_not_counted_by_node_are_refused_with_what_would_be_right(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {"NTASKS": "2", "PROCID": "0", "LOCALID": "0", "NODEID": "0"}.items():
        monkeypatch.setenv(f"SLURM_{name}", value)
    monkeypatch.delenv("SLURM_NTASKS_PER_NODE", raising=False)
    with pytest.raises(ValueError, match="--ntasks-per-node=2"):
        SlurmTasks()
    monkeypatch.setenv("SLURM_NTASKS_PER_NODE", "2")
    assert SlurmTasks().auto_requeue is False
