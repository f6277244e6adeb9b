"""``python -m dyninf.sweep trace=PATH``: the curve of a recorded trace."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.end_to_end.bad import assert_refused
from tests.end_to_end.commands import Finished, started

from dyninf.configuration import choices

Command = Callable[..., Finished]


def curve_of(folder: Path) -> list[dict[str, float]]:
    with open(folder / "curve.csv", newline="") as file:
        return [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]


def test_the_command_line_writes_a_table_a_curve_and_a_figure(
    here: Path, run_of: Callable[[str], Path]
) -> None:
    traces = run_of("joint") / "trace"
    done = started("sweep", f"trace={traces}/test", f"calibration={traces}/calibration", cwd=here).check()
    [curve] = here.glob("outputs/*/*-sweep/curve.csv")
    assert curve.with_suffix(".png").read_bytes()[:8] == b"\x89PNG\r\n\x1a\n"
    assert "threshold" in done.out
    assert "of full" in done.out
    assert len(curve_of(curve.parent)) == 200


def test_the_columns_are_threshold_accuracies_cost_and_the_share_that_left_at_each_checkpoint(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    command("sweep", f"trace={run_of('depth')}/trace/test", "points=7", "output=out").check()
    rows = curve_of(here / "out")
    shares = ["share_4f-res3", "share_4f-res4", "share_4f-res5"]
    assert list(rows[0]) == ["threshold", "top1", "top5", "gmacs", "top1_low", "top1_high", *shares]
    assert len(rows) == 7
    for row in rows:
        assert sum(row[share] for share in shares) == pytest.approx(1, abs=1e-4)
        assert row["top1"] <= row["top5"]
        assert row["top1_low"] <= row["top1"] <= row["top1_high"]


@pytest.mark.parametrize("scheme", ["depth", "input", "joint"])
def test_a_higher_threshold_never_costs_less_and_the_extremes_are_the_first_and_last_checkpoint(
    scheme: str, command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    run = run_of(scheme)
    command("sweep", f"trace={run}/trace/test", "output=out").check()
    rows = sorted(curve_of(here / "out"), key=lambda row: row["threshold"])
    costs = [row["gmacs"] for row in rows]
    assert costs == sorted(costs)
    checkpoints = json.loads((run / "summary.json").read_text())["checkpoints"]
    for row, checkpoint in ((rows[0], checkpoints[0]), (rows[-1], checkpoints[-1])):
        assert row["gmacs"] == pytest.approx(checkpoint["gmacs"], rel=1e-5)
        assert row["top1"] == pytest.approx(checkpoint["top1"], abs=1e-5)
        assert row[f"share_{checkpoint['name']}"] == 1


def test_the_curve_is_the_one_that_the_training_run_wrote(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    run = run_of("joint")
    command("sweep", f"trace={run}/trace/test", "output=out").check()
    assert (here / "out/curve.csv").read_text() == (run / "curve.csv").read_text()


def test_the_trace_of_a_network_with_one_checkpoint_has_one_operating_point(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    command("sweep", f"trace={run_of('plain')}/trace/test", "output=out").check()
    assert len(curve_of(here / "out")) == 1


def test_all_policies_without_a_multirun_end_in_one_table_and_one_figure(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    traces = run_of("joint") / "trace"
    both = (f"trace={traces}/test", f"calibration={traces}/calibration", "budget=60%")
    done = command("sweep", *both, "policy=glob(*)", "output=out").check()
    names = ["curves.csv", "curves.png", "policies.csv"]
    assert sorted(path.name for path in (here / "out").iterdir()) == names
    with open(here / "out/policies.csv", newline="") as file:
        found = [row["policy"] for row in csv.DictReader(file)]
    left_out = [name for name in choices("policy") if f"{name} is left out: " in done.out]
    assert sorted(found + left_out) == choices("policy")
    assert {"max_probability", "entropy", "oracle", "random_exit"} <= set(found)


@pytest.mark.parametrize("several", ["policy=margin,patience", "policies=[margin,patience]"])
def test_a_list_of_policies_takes_the_settings_that_they_share(
    several: str, command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    trace = f"trace={run_of('joint')}/trace/test"
    command("sweep", trace, several, "policy.threshold=0.5", "points=9", "output=out").check()
    with open(here / "out/curves.csv", newline="") as file:
        names = [row["policy"] for row in csv.DictReader(file)]
    assert names == ["margin"] * 9 + ["patience"] * 9


def test_all_policies_in_a_multirun_have_a_folder_each(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    trace = f"trace={run_of('joint')}/trace/test"
    command("sweep", "-m", trace, "policy=glob(m*)", "output=out").check()
    folders = [path.parent.name for path in sorted((here / "out").glob("*/curve.csv"))]
    assert folders == ["0-margin", "1-max_probability"]


def test_what_is_to_be_swept_is_one_thing_and_its_policies_are_known(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    trace = f"trace={run_of('joint')}/trace/test"
    for given, said in (
        (["runs=."], "give trace or runs, not both"),
        (["policies=[best]"], "policy 'best' is unknown; choose from "),
        (["policies=all", "policy=margin"], "give policy or policies, not both"),
        (["policies=[margin,oracle]", "policy.seed=1"], "policy.seed"),
        (["points=2.7"], "points must be a whole number, got 2.7"),
        (["points=inf"], "points must be a finite number, got inf"),
    ):
        assert_refused(command("sweep", trace, *given), "sweep", here, said)
    assert_refused(command("sweep", "runs=nowhere"), "sweep", here, "no folder nowhere")
    assert_refused(command("sweep", "runs=."), "sweep", here, "no run below .")
