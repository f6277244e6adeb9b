"""Multiruns through the launchers and sweepers of other packages, and the table of their runs.

Where launchers pickle the command that was started, it is a Python of its own, from start to end.
"""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from tests.end_to_end.commands import Finished, started
from tests.networks import require_package

Command = Callable[..., Finished]


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_jobs_in_processes_of_their_own_leave_a_folder_each_and_are_collected(
    command: Command, here: Path, tiny: list[str]
) -> None:
    require_package("submitit")
    jobs = ("-m", "backbone=resnet_small,msdnet_small", "scheme=depth", "policy.threshold=0.09")
    launcher = (
        "hydra/launcher=submitit_local",
        "hydra.sweeper.max_batch_size=2",
        # One folder for all jobs, which is there before them: one of its own a job may miss on a busy
        # machine, where it starts before submitit's local executor has made it.
        "hydra.launcher.submitit_folder=${hydra.sweep.dir}/.submitit",
    )
    started("train", *jobs, *launcher, *tiny, "output=jobs", cwd=here).check()
    done = command("sweep", "runs=jobs", "output=table").check()
    assert "2 runs" in done.out
    rows = rows_of(here / "table/runs.csv")
    assert [row["run"] for row in rows] == ["0-resnet_small", "1-msdnet_small"]
    assert [row["backbone"] for row in rows] == ["resnet_small", "msdnet_small"]
    assert {row["promise"] for row in rows} == {"none: given"}


def test_jobs_that_fail_in_processes_of_their_own_end_in_one_line_and_the_others_run_and_are_collected(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    require_package("joblib")
    joblib = ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2")
    checkpoint = f"checkpoint={run_of('depth')}/checkpoints/best.ckpt"
    done = started("evaluate", "-m", *joblib, checkpoint, "budget=1%,80%,90%", "output=jobs", cwd=here)
    assert done.code == 2
    assert "dyninf.evaluate: error: a budget of" in done.err.splitlines()[-1]
    left = sorted(path.name for path in (here / "jobs").iterdir() if path.is_dir())
    assert left == ["1-budget_80%", "2-budget_90%"]
    command("sweep", "runs=jobs", "output=table").check()
    rows = rows_of(here / "table/runs.csv")
    assert sorted(row["run"] for row in rows) == left
    assert {row["scheme"] for row in rows} == {"depth"}


def test_optuna_searches_routes_and_loss_weights_and_its_trials_are_collected(
    command: Command, here: Path, tiny: list[str]
) -> None:
    require_package("optuna")
    search = ("hydra/sweeper=optuna", "hydra.sweeper.n_trials=2", "hydra.sweeper.n_jobs=1")
    goal = ("hydra.sweeper.direction=maximize", "hydra.sweeper.sampler.seed=0", "budget=80%")
    route = ("scheme.groups=2", "scheme.checkpoints=choice([[1,2],[2,4]],[[1,4],[2,4]])")
    weights = ("+early=interval(0.1,1)", "module.loss_weights=[${early},1]")
    command("train", "-m", *search, *goal, *route, *weights, *tiny, "output=trials").check()
    best = OmegaConf.load(here / "trials/optimization_results.yaml")
    command("sweep", "runs=trials", "output=table").check()
    rows = rows_of(here / "table/runs.csv")
    assert len(rows) == 2
    found = [json.loads((here / "trials" / row["run"] / "summary.json").read_text()) for row in rows]
    assert max(one["calibration"]["top1"] for one in found) == pytest.approx(best.best_value)
    early = [float(row["early"]) for row in rows]
    assert best.best_params["+early"] in [pytest.approx(weight) for weight in early]
    assert [row["module.loss_weights"] for row in rows] == [f"[{weight}, 1]" for weight in early]
