"""``python -m dyninf.evaluate checkpoint=PATH``: the file is all that it needs."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.end_to_end.commands import Finished, started

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


def test_a_multirun_over_thresholds_makes_a_numbered_folder_for_each(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    checkpoint = run_of("joint") / "checkpoints/best.ckpt"
    command("evaluate", "-m", f"checkpoint={checkpoint}", "policy.threshold=0.0,2.0", "output=both").check()
    first, second = (summary_of(here / "both" / number) for number in ("0", "1"))
    assert (first["threshold"], second["threshold"]) == (0.0, 2.0)
    assert first["dynamic"]["gmacs"] == pytest.approx(first["checkpoints"][0]["gmacs"])
    assert second["dynamic"]["gmacs"] == pytest.approx(second["full"]["gmacs"])


def test_a_multirun_over_checkpoints_evaluates_each_on_the_data_set_they_share(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    paths = ",".join(f"{run_of(scheme)}/checkpoints/best.ckpt" for scheme in ("depth", "joint"))
    command("evaluate", "-m", f"checkpoint={paths}", "output=both").check()
    found = [summary_of(here / "both" / number) for number in ("0", "1")]
    assert found == [summary_of(run_of(scheme)) for scheme in ("depth", "joint")]


def test_help_needs_no_checkpoint(command: Command) -> None:
    assert "policy" in command("evaluate", "--help").check().out
