"""Two backbones x three schemes x four thresholds from one command, through two launchers.

    python -m experiments.multirun.run

Both times the runs are collected into a table; the two have to be the same. That of joblib is kept here.
"""

import argparse
import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RUNS = Path("outputs/multirun")
JOBS = (
    "backbone=resnet_small,msdnet_small",
    "scheme=depth,input,joint",
    "policy.threshold=0.15,0.2,0.3,0.5",
)
LAUNCHERS = {
    "joblib": ("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"),
    "submitit": ("hydra/launcher=submitit_local", "hydra.sweeper.max_batch_size=2"),
}


def main() -> None:
    """Run both multiruns and collect them; keep the table, the figure and the list of runs."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--collect", action="store_true", help="the runs that there are; train none")
    collect = parser.parse_args().collect
    tables = {}
    for launcher, settings in LAUNCHERS.items():
        folder = RUNS / launcher
        if not collect:
            shutil.rmtree(folder, ignore_errors=True)
            run("train", "-m", "experiment=multirun", *JOBS, *settings, f"output={folder}")
        run("sweep", f"runs={folder}", f"output={folder}")
        with open(folder / "runs.csv", newline="") as file:
            tables[launcher] = list(csv.DictReader(file))
    if tables["joblib"] != tables["submitit"]:
        raise SystemExit("the two launchers gave different tables")
    for name in ("runs.md", "runs.csv", "runs.png"):
        shutil.copy(RUNS / "joblib" / name, HERE / name)
    print(f"{len(tables['joblib'])} runs; both launchers gave the same table")


def run(command: str, *arguments: str) -> None:
    """``python -m dyninf.COMMAND``, one thread a process."""
    print("python -m", f"dyninf.{command}", *arguments, flush=True)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run([sys.executable, "-m", f"dyninf.{command}", *arguments], check=True, env=environment)


if __name__ == "__main__":
    main()
