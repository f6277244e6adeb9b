"""W&B that fails under a run costs a line, not the run. The runs are in a process of their own."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.end_to_end.commands import ENVIRONMENT

from dyninf.report.wandb_logger import kept
from dyninf.report.wandb_rows import STEP, last_id, rows_in, rows_of

START = """
import os, resource, signal, sys
from pathlib import Path
import wandb
from dyninf.report import SteadyWandbLogger
from dyninf.report.wandb_logger import kept
"""
SERVICE_DIES = """
logger = SteadyWandbLogger(save_dir=sys.argv[1], project="test")
logger.log_metrics({"loss": 1.0}, 1)
services = [file.read_text().split() for file in Path("/proc/self/task").glob("*/children")]
for process in sum(services, []):
    os.kill(int(process), signal.SIGKILL)
    os.waitpid(int(process), 0)
for step in range(2, 5):
    logger.log_metrics({"loss": 1.0}, step)
logger.log_hyperparams({"seed": 0})
logger.save()
with kept("the end of the run"):
    logger.experiment.finish()
print("went on without the service")
"""
DISK_IS_FULL = """
logger = SteadyWandbLogger(save_dir=sys.argv[1], project="test")
logger.log_metrics({"loss": 1.0}, 1)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_, most = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, most))  # no file can grow beyond
for name, size in (("large", 30_000), ("small", 10)):
    with kept(f"the table {name}"):
        logger.experiment.log({name: wandb.Table(columns=["text"], data=[["x"] for _ in range(size)])})
logger.experiment.finish()
resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))
print("went on with a full disk")
"""
GOES_ON = """
for steps in ((0, 1, 2), (2, 3, 4)):
    logger = SteadyWandbLogger(save_dir=str(Path(sys.argv[1], "on")), project="test", goes_on=True)
    for step in steps:
        logger.log_metrics({"epoch": step, "loss": 1.0 / (step + 1)}, step)
        logger.log_metrics({"lr": 0.1}, step)
    logger.experiment.finish()
    wandb.teardown()  # its process, which may write for a while longer, ends, as between two commands
"""


@dataclass(frozen=True)
class Said:
    """The folder of the runs, what was printed, and the warnings, of the run on a full disk first."""

    folder: Path
    lines: list[str]
    warnings: list[str]


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Said:
    folder = tmp_path_factory.mktemp("wandb")
    done = subprocess.run(
        [sys.executable, "-c", START + GOES_ON + DISK_IS_FULL + SERVICE_DIES, str(folder)],
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    warnings = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    return Said(folder, done.stdout.splitlines(), warnings)


def test_a_run_goes_on_when_the_service_of_wandb_dies(said: Said) -> None:
    assert said.lines[-1] == "went on without the service"
    lost = [warning.split(":")[1].strip() for warning in said.warnings[1:]]
    assert lost == ["W&B lost metrics", "W&B lost the config", "the logger lost the end of the run"]


def test_a_run_goes_on_when_the_disk_is_full_and_loses_only_what_did_not_fit(said: Said) -> None:
    assert "went on with a full disk" in said.lines
    assert said.warnings[0].startswith("warning: the logger lost the table large: ")
    assert [path.name.split("_")[0] for path in said.folder.rglob("*.table.json")] == ["small"]


def test_what_a_logger_raises_becomes_one_line_that_names_what_was_lost(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with kept("the curve"):
        raise RuntimeError("no\n  space")
    assert capsys.readouterr().err == "warning: the logger lost the curve: no space\n"


def test_a_run_that_goes_on_is_the_same_one_and_has_each_row_once(said: Said, tmp_path: Path) -> None:
    folder = shutil.copytree(said.folder / "on", tmp_path / "on")
    [run_id] = {path.name.rsplit("-", 1)[1] for path in folder.glob("wandb/offline-run-*")}
    assert last_id(folder) == run_id
    first, second = sorted(folder.glob(f"wandb/offline-run-*/run-{run_id}.wandb"))
    rows = [row for file in (first, second) for row in rows_in(file)]
    assert [(row[STEP], "lr" in row) for row in rows] == [(n, lr) for n in range(5) for lr in (False, True)]
    assert [row["_step"] for row in rows] == list(range(10))

    second.write_bytes(second.read_bytes()[:-20])  # torn by a kill
    assert {row.step for row in rows_of(folder, run_id)[0]} >= {0, 1, 2, 3}
