"""``policy.json`` and budgets in milliseconds, from one command to the next."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tests.end_to_end.bad import assert_refused
from tests.end_to_end.commands import Finished
from tests.files import held_in

Command = Callable[..., Finished]


def content(path: Path) -> dict[str, Any]:
    return held_in(path)


def test_a_training_leaves_a_policy_file_with_which_evaluate_and_sweep_give_the_same_figures(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    run = run_of("joint")
    checkpoint, file = f"checkpoint={run}/checkpoints/best.ckpt", f"policy_file={run}/policy.json"
    command("evaluate", checkpoint, file, "output=again").check()
    trained = content(run / "summary.json")
    trained.pop("calibration")  # which the file makes needless to look at again
    assert content(here / "again/summary.json") == trained
    assert content(here / "again/policy.json") == content(
        run / "policy.json"
    )  # whose thresholds these still are
    done = command("sweep", f"trace={run}/trace/test", file, "output=curve").check()
    assert f"{content(run / 'summary.json')['dynamic']['gmacs']:.4g}" in done.out
    assert content(run / "policy.json")["fitted_on"].startswith("synthetic/calibration@")


def test_a_policy_file_that_does_not_fit_is_refused_with_one_line(
    command: Command, here: Path, tmp_path: Path, run_of: Callable[[str], Path]
) -> None:
    run, other = run_of("joint"), run_of("depth")
    checkpoint, file = f"checkpoint={run}/checkpoints/best.ckpt", f"policy_file={run}/policy.json"
    damaged, alien = tmp_path / "damaged.json", tmp_path / "alien.json"
    damaged.write_text((run / "policy.json").read_text()[:-40])
    alien.write_text(json.dumps(content(run / "policy.json") | {"criterion": "System"}))
    for overrides, said in (
        ((checkpoint, f"policy_file={other}/policy.json"), "for 3 checkpoints of resnet_small-depth-4f"),
        ((checkpoint, file, "split=calibration"), "fitted on the split that is reported"),
        (
            (checkpoint, file, "split=calibration", "dataset.clips_per_video=2"),
            "on the split that is reported",
        ),
        ((checkpoint, file, "policy=entropy"), "give policy_file or policy, not both"),
        ((checkpoint, file, "policy.threshold=0.5"), "give policy_file or policy.threshold, not both"),
        ((checkpoint, file, "budget=50%"), "give policy_file or budget, not both"),
        ((checkpoint, file, "confidence=0.9"), "give policy_file or confidence, not both"),
        ((checkpoint, f"policy_file={damaged}"), "damaged.json is no policy file, or a damaged one"),
        ((checkpoint, f"policy_file={alien}"), "criterion 'System' is unknown"),
        ((checkpoint, "policy_file=nowhere.json"), "no policy file at nowhere.json"),
    ):
        assert_refused(command("evaluate", *overrides), "evaluate", here, said)
    assert_refused(
        command("sweep", f"trace={run}/trace/calibration", file), "sweep", here, "split that is reported"
    )
    assert_refused(
        command("sweep", f"trace={run}/trace/test", file, "policies=all"), "sweep", here, "or policies, not"
    )


def test_a_budget_in_milliseconds_is_measured_kept_and_used_again(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    run = run_of("depth")
    checkpoint = f"checkpoint={run}/checkpoints/best.ckpt"
    # A budget that any machine can keep: what is chosen depends on the machine, the bookkeeping does not.
    command("evaluate", checkpoint, "budget=1000000ms", "solver=direct", "output=own").check()
    table, times = content(here / "own/milliseconds.json"), content(here / "own/summary.json")["milliseconds"]
    assert content(here / "own/policy.json")["promise"]["unit"] == "ms"
    assert times["full"] == times["dynamic"] == table["milliseconds"][-1]
    assert times["source"] == "predicted from the table of milliseconds"

    known = [1.0, 2.0, 4.0]
    (here / "ms.json").write_text(json.dumps(table | {"milliseconds": known}))
    traces = (f"trace={run}/trace/test", f"calibration={run}/trace/calibration")
    settings = ("milliseconds=ms.json", "budget=2.5ms", "solver=direct")
    done = command("sweep", *traces, *settings, "output=curve").check()
    assert "ms, predicted" in done.out
    assert content(here / "curve/policy.json")["promise"]["milliseconds"] == known
    command("evaluate", checkpoint, *settings, "output=given").check()
    given = content(here / "given/summary.json")
    shares = given["dynamic"]["exit_share"]
    assert given["milliseconds"]["dynamic"] == pytest.approx(sum(map(float.__mul__, shares, known)))
    assert (
        content(here / "given/policy.json")["threshold"] == content(here / "curve/policy.json")["threshold"]
    )
    assert not (here / "given/milliseconds.json").exists()


def test_a_budget_in_milliseconds_without_a_table_that_fits_is_refused_with_one_line(
    command: Command, here: Path, tmp_path: Path, run_of: Callable[[str], Path]
) -> None:
    run, table = run_of("depth"), tmp_path / "ms.json"
    small = (
        "backbone=resnet_small",
        "scheme=joint",
        "num_classes=5",
        "num_frames=4",
        "height=32",
        "width=32",
    )
    command("macs", *small, f"milliseconds={table}", "repeats=1").check()
    checkpoint = f"checkpoint={run}/checkpoints/best.ckpt"
    traces = (f"trace={run}/trace/test", f"calibration={run}/trace/calibration")
    said = "is of another network, frame size or number of views"
    for name, overrides, words in (
        ("sweep", (*traces, "budget=15ms"), "budget=15ms needs a table of times, milliseconds=FILE"),
        ("sweep", (*traces, "budget=15ms", f"milliseconds={table}"), said),
        ("evaluate", (checkpoint, "budget=15ms", f"milliseconds={table}"), said),
        ("evaluate", (checkpoint, "budget=15ms", "milliseconds=nowhere.json"), "no table of milliseconds at"),
        ("evaluate", (checkpoint, "budget=15s"), "or milliseconds such as 15ms; got '15s'"),
    ):
        assert_refused(command(name, *overrides), name, here, words)


def test_macs_measures_the_network_of_a_run(
    command: Command, here: Path, run_of: Callable[[str], Path]
) -> None:
    run = run_of("joint")
    overrides = (f"checkpoint={run}/checkpoints/best.ckpt", "milliseconds=new/ms.json", "repeats=2")
    done = command("macs", *overrides).check()
    assert "cumulative; medians of 2 rounds" in done.out
    table = content(here / "new/ms.json")
    summary = content(run / "summary.json")
    assert table["checkpoints"] == [row["name"] for row in summary["checkpoints"]]
    assert table["macs"] == [pytest.approx(row["gmacs"] * 1e9) for row in summary["checkpoints"]]
    assert [path.relative_to(here).as_posix() for path in here.rglob("*")] == ["new", "new/ms.json"]
