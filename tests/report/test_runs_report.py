"""Many runs in one table."""

import copy
import csv
import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from dyninf.report import report_runs
from dyninf.report.runs import differing_settings, read_runs, run_rows

CONFIG: dict[str, Any] = {
    "seed": 0,
    "output": "out",
    "checkpoint": None,
    "max_drop": 0.0,
    "budget": None,
    "solver": "single",
    "backbone": {"_target_": "dyninf.backbones.ResNet", "name": "resnet_small", "width": 24},
    "scheme": {"_target_": "dyninf.grid.Scheme", "name": "joint", "shift": "online"},
    "policy": {"_target_": "dyninf.policies.MaxProbability", "threshold": None},
    "dataset": {"_target_": "dyninf.data.Synthetic", "num_frames": 8},
    "optimizer": {"lr": 0.1},
    "trainer": {"default_root_dir": "runs/one", "max_epochs": 2},
    "module": {"_target_": "dyninf.schemes.JointModule", "optimizer": {"lr": 0.1}},
}


def config_with(**changes: Any) -> dict[str, Any]:
    """`CONFIG` with some settings changed, dots written as two underscores."""
    config = copy.deepcopy(CONFIG)
    for name, value in changes.items():
        *groups, last = name.split("__")
        place = config
        for group in groups:
            place = place[group]
        place[last] = value
    return config


def make_run(
    folder: Path,
    top1: float = 0.8,
    gmacs: float = 1.0,
    split: str = "synthetic/test@abc",
    sees_labels: bool = False,
    threshold: float | list[float] = 0.75,
    **changes: Any,
) -> None:
    """A folder as train and evaluate leave it, as far as collecting reads it."""
    folder.mkdir(parents=True)
    config = config_with(output=str(folder), **changes)
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    summary = {
        "network": f"{config['backbone']['name']}-{config['scheme']['name']}-8f",
        "split": split,
        "policy": "Oracle" if sees_labels else "MaxProbability",
        "sees_labels": sees_labels,
        "threshold": threshold,
        "full": {"top1": 0.9, "top5": 1.0, "gmacs": 2.0},
        "dynamic": {"top1": top1, "top5": 1.0, "gmacs": gmacs},
    }
    (folder / "summary.json").write_text(json.dumps(summary))


def rows_of(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_runs_at_any_depth_become_rows(tmp_path: Path) -> None:
    make_run(tmp_path / "runs/one", top1=0.85, gmacs=0.5)
    make_run(tmp_path / "runs/more/deep/two", scheme__name="depth", seed=3)
    report_runs(tmp_path / "runs", tmp_path / "out")
    names = ["runs.csv", "runs.md", "runs.png", "settings.csv"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == names
    two, one = rows_of(tmp_path / "out/runs.csv")
    assert (one["run"], two["run"]) == ("one", "more/deep/two")
    assert (two["backbone"], two["scheme"], two["seed"]) == ("resnet_small", "depth", "3")
    assert (one["dataset"], one["policy"]) == ("synthetic/test@abc", "MaxProbability")
    assert (one["threshold"], one["promise"]) == ("0.7500", "max_drop 0.0")
    figures = ("top1_full", "top1_dynamic", "gmacs_full", "gmacs_dynamic", "share_of_full")
    assert [float(one[figure]) for figure in figures] == [0.9, 0.85, 2.0, 0.5, 0.25]


def test_a_run_may_be_the_folder_itself_and_what_loggers_leave_in_it_is_none(tmp_path: Path) -> None:
    make_run(tmp_path / "run")
    for folder in ("run/wandb/offline-run/files", "run/.submitit/1"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "config.yaml").write_text("wandb_version: 1")
    runs, broken = read_runs(tmp_path / "run")
    assert [run.name for run in runs] == ["."]
    assert broken == {}


def test_jobs_of_a_multirun_come_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for job in ("10-depth", "2-depth", "1-depth"):
        make_run(tmp_path / job)
    assert [run.name for run in read_runs(tmp_path)[0]] == ["1-depth", "2-depth", "10-depth"]


@pytest.mark.parametrize(
    ("changes", "promise"),
    [
        ({"max_drop": 0.01}, "max_drop 0.01"),
        ({"budget": "50%", "solver": "direct"}, "budget 50%, direct"),
        ({"policy__threshold": 0.5}, "none: given"),
        ({"policy__in_a_row": 2}, "none: given"),
        ({"policy_file": "run/policy.json"}, "of a policy file"),
    ],
)
def test_the_promise_is_what_thresholds_were_chosen_for(
    changes: dict[str, Any], promise: str, tmp_path: Path
) -> None:
    make_run(tmp_path / "run", **changes)
    rows, _ = run_rows(read_runs(tmp_path)[0])
    assert rows[0]["promise"] == promise


def test_several_thresholds_are_one_cell(tmp_path: Path) -> None:
    make_run(tmp_path / "run", threshold=[0.5, 0.25])
    rows, _ = run_rows(read_runs(tmp_path)[0])
    assert rows[0]["threshold"] == "0.5000, 0.2500"


@pytest.mark.parametrize(
    ("changes", "columns"),
    [
        ([{}, {"optimizer__lr": 0.2, "module__optimizer__lr": 0.2}], {"optimizer.lr": [0.1, 0.2]}),
        ([{}, {"dataset__num_frames": 16}], {"dataset.num_frames": [8, 16]}),
        ([{}, {"mixing": "mixup"}], {"mixing": [None, "mixup"]}),  # newer than the first run
        ([{}, {"mixing": None}], {}),
        ([{}, {"backbone__name": "resnet18", "backbone__width": 64}], {}),  # that is what another backbone is
        (
            [{}, {"backbone__name": "resnet18", "backbone__width": 64}, {"backbone__width": 32}],
            {"backbone.width": [24, 64, 32]},
        ),
        ([{}, {"seed": 1}, {"output": "elsewhere"}, {"policy__threshold": 0.5}], {}),
        ([{}, {"trainer__default_root_dir": "runs/two"}], {}),
        ([{}, {"trainer__max_epochs": 4}], {"trainer.max_epochs": [2, 4]}),
        ([{"checkpoint": "a/best.ckpt"}, {"checkpoint": "b/best.ckpt"}], {}),
        ([{}, {"checkpoint": "a/best.ckpt"}], {"checkpoint": [None, "best.ckpt"]}),
        ([{}, {"module__loss_weights": [1, 2]}], {"module.loss_weights": [None, [1, 2]]}),
    ],
)
def test_settings_that_differ_are_columns(
    changes: list[dict[str, Any]], columns: dict[str, list[Any]]
) -> None:
    assert differing_settings([config_with(**change) for change in changes]) == columns


def test_pareto_optimal_rows_are_marked_on_each_data_set_without_bounds(tmp_path: Path) -> None:
    for name, top1, gmacs in (
        ("a", 0.7, 0.5),
        ("b", 0.8, 1.0),
        ("c", 0.75, 1.2),
        ("d", 0.8, 1.1),
        ("e", 0.8, 1.0),
    ):
        make_run(tmp_path / name, top1, gmacs)
    make_run(tmp_path / "other", 0.1, 2.0, split="mocap/test@def")
    make_run(tmp_path / "oracle", 0.99, 0.1, sees_labels=True)
    rows, _ = run_rows(read_runs(tmp_path)[0])
    assert {row["run"] for row in rows if row["pareto"]} == {"a", "b", "e", "other"}


def test_seeds_of_a_setting_are_put_together(tmp_path: Path) -> None:
    for seed, top1 in enumerate((0.7, 0.8, 0.9)):
        make_run(tmp_path / f"chosen{seed}", top1, seed=seed, threshold=0.5 + seed / 10)
    for seed in (0, 1):
        for threshold in (0.3, 0.6):
            make_run(
                tmp_path / f"given{threshold}-{seed}",
                threshold=threshold,
                seed=seed,
                policy__threshold=threshold,
            )
    report_runs(tmp_path, tmp_path / "out")
    found = {(row["promise"], row["threshold"]): row for row in rows_of(tmp_path / "out/settings.csv")}
    assert {key: row["seeds"] for key, row in found.items()} == {
        ("max_drop 0.0", ""): "0 1 2",
        ("none: given", "0.3000"): "0 1",
        ("none: given", "0.6000"): "0 1",
    }
    chosen = found["max_drop 0.0", ""]
    assert float(chosen["top1_dynamic_mean"]) == pytest.approx(0.8)
    assert float(chosen["top1_dynamic_sd"]) == pytest.approx(0.1)
    assert "80.0% ± 10.0%" in (tmp_path / "out/runs.md").read_text()


def test_the_table_for_a_person_says_once_what_is_the_same_in_all(tmp_path: Path) -> None:
    make_run(tmp_path / "a", optimizer__lr=0.3)
    make_run(tmp_path / "b", top1=0.7)
    report_runs(tmp_path, tmp_path / "out")
    text = (tmp_path / "out/runs.md").read_text()
    assert "The same in all: backbone resnet_small; scheme joint; dataset synthetic/test@abc;" in text
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert lines[0].startswith("| run | optimizer.lr | top-1 full |")
    assert lines[2] == "| a | 0.3 | 90.0% | 80.0% | 2 | 1 | 50.0% | * |"
    assert lines[3] == "| b | 0.1 | 90.0% | 70.0% | 2 | 1 | 50.0% |  |"
    assert "±" not in text  # no setting has two runs


def test_broken_and_unfinished_runs_are_named_with_the_reason(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("good", "unfinished", "cut", "lacking", "old", "no yaml"):
        make_run(tmp_path / name)
    (tmp_path / "unfinished/summary.json").unlink()
    (tmp_path / "cut/summary.json").write_text('{"network": ')
    (tmp_path / "lacking/summary.json").write_text("{}")
    (tmp_path / "old/config.yaml").unlink()
    (tmp_path / "no yaml/config.yaml").write_text("a: [")
    report_runs(tmp_path, tmp_path / "out")
    assert [row["run"] for row in rows_of(tmp_path / "out/runs.csv")] == ["good"]
    text = (tmp_path / "out/runs.md").read_text()
    assert "- unfinished: no summary.json" in text
    assert "- cut: config.yaml or summary.json is damaged" in text
    assert "- lacking: config.yaml or summary.json lacks 'split'" in text
    assert "- old: no config.yaml" in text
    assert "- no yaml: " in text
    assert "left out: unfinished" in capsys.readouterr().out


def test_a_folder_of_nothing_but_unfinished_runs_is_a_list_of_reasons(tmp_path: Path) -> None:
    make_run(tmp_path / "unfinished")
    (tmp_path / "unfinished/summary.json").unlink()
    assert report_runs(tmp_path, tmp_path / "out") == []
    assert "- unfinished: " in (tmp_path / "out/runs.md").read_text()
    assert rows_of(tmp_path / "out/runs.csv") == []


def test_a_folder_without_runs_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="no folder"):
        read_runs(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="no run below"):
        read_runs(tmp_path)
