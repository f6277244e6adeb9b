"""W&B that fails under a run costs a line, not the run. Each run is a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.end_to_end.commands import ENVIRONMENT

from dyninf.report.wandb_logger import kept

START = """
import os, resource, signal, sys
from dyninf.report import SteadyWandbLogger
from dyninf.report.wandb_logger import kept
logger = SteadyWandbLogger(save_dir=sys.argv[1], project="test")
"""
SERVICE_DIES = """
from pathlib import Path
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
print("went on")
"""
DISK_IS_FULL = """
import wandb
logger.log_metrics({"loss": 1.0}, 1)
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))  # no file can grow beyond
for name, size in (("large", 30_000), ("small", 10)):
    with kept(f"the table {name}"):
        logger.experiment.log({name: wandb.Table(columns=["text"], data=[["x"] for _ in range(size)])})
logger.experiment.finish()
print("went on")
"""


def run(script: str, folder: Path) -> tuple[str, list[str]]:
    """Standard output, and the warnings among the lines of standard error."""
    done = subprocess.run(
        [sys.executable, "-c", START + script, str(folder)],
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout, [line for line in done.stderr.splitlines() if line.startswith("warning: ")]


def test_a_run_goes_on_when_the_service_of_wandb_dies(tmp_path: Path) -> None:
    out, warnings = run(SERVICE_DIES, tmp_path)
    assert out.endswith("went on\n")
    said = [warning.split(":")[1].strip() for warning in warnings]
    assert said == ["W&B lost metrics", "W&B lost the config", "the logger lost the end of the run"]


def test_a_run_goes_on_when_the_disk_is_full_and_loses_only_what_did_not_fit(tmp_path: Path) -> None:
    out, [warning] = run(DISK_IS_FULL, tmp_path)
    assert out.endswith("went on\n")
    assert warning.startswith("warning: the logger lost the table large: ")
    assert [path.name.split("_")[0] for path in tmp_path.rglob("*.table.json")] == ["small"]


def test_what_a_logger_raises_becomes_one_line_that_names_what_was_lost(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with kept("the curve"):
        raise RuntimeError("no\n  space")
    assert capsys.readouterr().err == "warning: the logger lost the curve: no space\n"
