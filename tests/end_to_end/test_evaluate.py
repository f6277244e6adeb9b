"""``python -m dyninf.evaluate checkpoint=PATH``: the file is all that it needs."""

import csv
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from tests.end_to_end.bad import assert_refused
from tests.end_to_end.commands import Finished, started

from dyninf.report.dashboard.sources import split_of
from dyninf.report.runs import FACTS, FIGURES, read_run
from dyninf.trace import Trace

Command = Callable[..., Finished]


def summary_of(run: Path) -> dict:
    return json.loads((run / "summary.json").read_text())


@pytest.mark.parametrize("scheme", ["depth", "input", "joint", "plain"])
def test_the_checkpoint_alone_gives_the_figures_of_its_training_run(
    scheme: str, command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    run = run_of(scheme)
    command("evaluate", f"checkpoint={run}/checkpoints/best.ckpt", "output=again").check()
    assert summary_of(here / "again") == summary_of(run)
    assert (here / "again/curve.csv").read_text() == (run / "curve.csv").read_text()
    assert (here / "again/curve.png").is_file()
    assert not (here / "again/trace").exists()  # those of the run are used, not recorded again


def test_without_the_traces_of_its_run_a_moved_checkpoint_gives_the_same_figures(
    command: Command, here: Path, tmp_path: Path, run_of: Callable[[str], Path]
) -> None:
    run = run_of("joint")
    moved = shutil.copy(run / "checkpoints/best.ckpt", tmp_path / "moved.ckpt")
    command("evaluate", f"checkpoint={moved}", "output=again").check()
    assert summary_of(here / "again") == summary_of(run)
    assert sorted(path.name for path in (here / "again/trace").iterdir()) == ["calibration", "test"]


def test_the_command_line_works_from_any_folder(here: Path, run_of: Callable[[str], Path]) -> None:
    run = run_of("joint")
    done = started("evaluate", f"checkpoint={run}/checkpoints/last.ckpt", cwd=here).check()
    [summary] = here.glob("outputs/*/*-evaluate/summary.json")
    assert summary_of(summary.parent)["full"] == summary_of(run)["full"]
    assert "share that left" in done.out


def test_a_threshold_above_one_is_full_inference(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    checkpoint = run_of("joint") / "checkpoints/best.ckpt"
    command("evaluate", f"checkpoint={checkpoint}", "policy.threshold=2.0", "output=full").check()
    summary = summary_of(here / "full")
    assert summary["dynamic"]["exit_share"] == [0] * 11 + [1]
    assert {key: summary["dynamic"][key] for key in summary["full"]} == summary["full"]


def test_another_split_is_reported_with_a_threshold_chosen_on_calibration(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    run = run_of("depth")
    command("evaluate", f"checkpoint={run}/checkpoints/best.ckpt", "split=train", "output=train").check()
    summary = summary_of(here / "train")
    assert summary["videos"] == 24
    assert summary["threshold"] == summary_of(run)["threshold"]


def test_a_budget_gives_thresholds_for_each_checkpoint_or_is_refused(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    checkpoint = f"checkpoint={run_of('joint')}/checkpoints/best.ckpt"
    done = command("evaluate", checkpoint, "budget=50%", "solver=direct", "output=half").check()
    assert "the most accurate on calibration for at most 50%" in done.out
    summary = summary_of(here / "half")
    assert len(summary["threshold"]) == 11
    assert summary["replay_agrees"] == summary["videos"]
    shutil.rmtree(here / "half")
    for wrong, said in (
        ("budget=1%", "below the cost of the first checkpoint"),
        ("budget=much", "milliseconds such as 15ms; got 'much'"),
        ("solver=best", "single, budgeted_batch, direct"),
    ):
        assert_refused(command("evaluate", checkpoint, wrong), "evaluate", here, said)


def test_a_promise_with_a_confidence_is_certified_or_full_inference_and_temperatures_are_reported(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    checkpoint = f"checkpoint={run_of('joint')}/checkpoints/best.ckpt"
    settings = ("max_drop=0.01", "confidence=0.95", "temperature_scaling=true")
    done = command("evaluate", checkpoint, *settings, "output=sure").check()
    assert "the cheapest certified on the half of calibration that nothing was fitted on" in done.out
    assert "at least 299 are needed" in " ".join(done.out.split())
    summary = summary_of(here / "sure")
    assert summary["dynamic"]["exit_share"][-1] == 1
    assert summary["replay_agrees"] == summary["videos"]
    assert [row["temperature"] for row in summary["checkpoints"]] == summary["temperature"]
    assert all(0 <= row[error] <= 1 for row in summary["checkpoints"] for error in ("ece", "ece_scaled"))
    assert "ECE" in done.out
    assert (here / "sure/reliability.png").is_file()
    shutil.rmtree(here / "sure")
    for wrong, said in (
        (["confidence=0.95"], "needs a limit (max_drop) above 0"),
        (["confidence=95", "max_drop=0.01"], "confidence must be above 0.5 and below 1"),
        (["risk=disagreement", "max_drop=0.01"], "needs a confidence"),
        (["confidence=0.9", "budget=50%"], "a confidence goes with max_drop, not with a budget"),
        (["temperature_scaling=maybe"], "temperature_scaling must be true or false"),
        (["temperature_scaling=true", "policy.temperature=2"], "not both"),
        (["policy.temperature=0"], "is not a number above 0"),
    ):
        assert_refused(command("evaluate", checkpoint, *wrong), "evaluate", here, said)


def test_a_multirun_over_thresholds_makes_a_folder_for_each_with_its_threshold(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    checkpoint = run_of("joint") / "checkpoints/best.ckpt"
    command("evaluate", "-m", f"checkpoint={checkpoint}", "policy.threshold=0.0,2.0", "output=both").check()
    first, second = (summary_of(here / "both" / job) for job in ("0-threshold_0.0", "1-threshold_2.0"))
    assert (first["threshold"], second["threshold"]) == (0.0, 2.0)
    assert first["dynamic"]["gmacs"] == pytest.approx(first["checkpoints"][0]["gmacs"])
    assert second["dynamic"]["gmacs"] == pytest.approx(second["full"]["gmacs"])


def test_a_multirun_over_checkpoints_evaluates_each_on_the_data_set_they_share(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    paths = ",".join(f"{run_of(scheme)}/checkpoints/best.ckpt" for scheme in ("depth", "joint"))
    command("evaluate", "-m", f"checkpoint={paths}", "output=both").check()
    found = [summary_of(here / "both" / f"{i}-checkpoint_best.ckpt") for i in (0, 1)]
    assert found == [summary_of(run_of(scheme)) for scheme in ("depth", "joint")]


def test_thresholds_of_one_network_are_collected_beside_the_run_that_trained_it(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    shutil.copytree(run_of("joint"), here / "runs/trained")
    checkpoint = "checkpoint=runs/trained/checkpoints/best.ckpt"
    command("evaluate", "-m", checkpoint, "policy.threshold=0.0,0.1,2.0", "output=runs/thresholds").check()
    done = command("sweep", "runs=runs", "output=table").check()
    assert "4 runs" in done.out
    with open(here / "table/runs.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["threshold"] for row in rows[:3]] == ["0.0000", "0.1000", "2.0000"]
    assert rows[3]["run"] == "trained"
    assert {(row["backbone"], row["scheme"], row["seed"]) for row in rows} == {("resnet_small", "joint", "0")}
    assert [row["promise"] for row in rows] == ["none: given"] * 3 + ["max_drop 0.0"]
    assert [row["checkpoint"] for row in rows] == ["best.ckpt"] * 3 + [""]
    assert set(rows[0]) - {"checkpoint"} == set(FACTS) | set(FIGURES) | {"pareto"}


def test_testing_in_six_views_costs_six_times_as_much_and_agrees_with_the_replay(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    run = run_of("joint")
    views = ("dataset.clips_per_video=2", "dataset.crops_per_clip=3")
    command("evaluate", f"checkpoint={run}/checkpoints/best.ckpt", *views, "output=views").check()
    found, single = summary_of(here / "views"), summary_of(run)
    for several, one in zip(found["checkpoints"], single["checkpoints"], strict=True):
        assert several["gmacs"] == pytest.approx(6 * one["gmacs"], rel=1e-12)
    assert found["full"]["gmacs"] == pytest.approx(6 * single["full"]["gmacs"], rel=1e-12)
    assert found["replay_agrees"] == found["videos"] == 12
    # The threshold is of the same views: both splits are recorded again, as other data than those of the run.
    for split in ("calibration", "test"):
        recorded, before = (Trace.load(where / "trace" / split) for where in (here / "views", run))
        assert recorded.video_ids == before.video_ids
        assert recorded.info.split != before.info.split
        assert torch.equal(recorded.macs_K, 6 * before.macs_K)


def test_a_checkpoint_from_before_there_were_views_can_be_evaluated_in_several(
    command: Command, here: Path, tmp_path: Path, run_of: Callable[[str], Path]
) -> None:
    run = run_of("input")
    content = torch.load(run / "checkpoints/best.ckpt", weights_only=True)
    for setting in (
        "sampling",
        "stride",
        "clips_per_video",
        "crops_per_clip",
        "decoder",
        "exclude",
        "on_error",
        "corruption",
    ):
        del content["dyninf"]["config"]["dataset"][setting]
    torch.save(content, tmp_path / "old.ckpt")
    command("evaluate", f"checkpoint={tmp_path}/old.ckpt", "output=single").check()
    assert summary_of(here / "single") == summary_of(run)
    command("evaluate", f"checkpoint={tmp_path}/old.ckpt", "dataset.clips_per_video=2", "output=two").check()
    assert summary_of(here / "two")["full"]["gmacs"] == pytest.approx(2 * summary_of(run)["full"]["gmacs"])


def test_worse_test_videos_are_recorded_anew_with_the_threshold_of_clean_calibration_videos(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    run = run_of("joint")
    checkpoint = run / "checkpoints/best.ckpt"
    command("evaluate", f"checkpoint={checkpoint}", "dataset.corruption=[contrast,5]", "output=worse").check()
    found, clean = summary_of(here / "worse"), summary_of(run)
    assert found["threshold"] == clean["threshold"]
    assert found["split"].startswith("synthetic/test+contrast-5@")
    assert found["replay_agrees"] == found["videos"] == 12
    assert [path.name for path in (here / "worse/trace").iterdir()] == ["test"]
    assert split_of(read_run(here / "worse", "worse")) == "test"  # by which its report finds the trace
    recorded, before = (Trace.load(where / "trace/test") for where in (here / "worse", run))
    assert not torch.equal(recorded.logits_VKN, before.logits_VKN)
    shutil.rmtree(here / "worse")
    wrong = command("evaluate", f"checkpoint={checkpoint}", "dataset.corruption=[fog,3]")
    assert_refused(wrong, "evaluate", here, "corruption must be one of gaussian_noise")


def test_another_sampling_is_evaluated_and_settings_that_cannot_be_are_refused(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    checkpoint = run_of("joint") / "checkpoints/best.ckpt"
    dense = ("dataset.sampling=dense", "dataset.stride=3", "policy.threshold=0.5")
    command("evaluate", f"checkpoint={checkpoint}", *dense, "output=dense").check()
    assert summary_of(here / "dense")["replay_agrees"] == 12
    shutil.rmtree(here / "dense")
    for wrong, said in (
        ("dataset.crops_per_clip=10", "crops_per_clip must not be 10 for synthetic"),
        ("dataset.crops_per_clip=2", "crops_per_clip must be one of 1, 3, 5, 10; got 2"),
        ("dataset.sampling=random", "sampling must be one of segment, dense, uniform; got 'random'"),
    ):
        assert_refused(command("evaluate", f"checkpoint={checkpoint}", wrong), "evaluate", here, said)


def test_traces_are_recorded_in_a_form_once_and_settings_that_cannot_be_are_refused(
    command: Command, here: Path, tmp_path: Path, run_of: Callable[[str], Path]
) -> None:
    moved = shutil.copy(run_of("joint") / "checkpoints/best.ckpt", tmp_path / "moved.ckpt")
    settings = (f"checkpoint={moved}", "trace_logits=float16", "trace_shard=3", "output=half")
    command("evaluate", *settings).check()
    files = [here / "half/trace" / split / "logits.npy" for split in ("calibration", "test")]
    written = [file.stat().st_ino for file in files]
    assert Trace.load(files[1].parent).form.name == "float16"
    assert summary_of(here / "half")["replay_agrees"] == 12
    (here / "half/summary.json").unlink()  # as where it was killed before the end
    command("evaluate", *settings).check()
    assert summary_of(here / "half")["replay_agrees"] == 12
    assert [file.stat().st_ino for file in files] == written
    assert sorted(path.name for path in (here / "half/trace").iterdir()) == ["calibration", "test"]
    shutil.rmtree(here / "half")
    for wrong, said in (
        ("trace_logits=top20", "top20 is for 21 to 65536 classes, and there are 12"),
        ("trace_logits=top", "such as top20; got 'top'"),
        ("trace_shard=0", "trace_shard must be a number of at least 1, got 0"),
    ):
        assert_refused(command("evaluate", f"checkpoint={moved}", wrong), "evaluate", here, said)


def test_help_needs_no_checkpoint(command: Command) -> None:
    assert "policy" in command("evaluate", "--help").check().out
