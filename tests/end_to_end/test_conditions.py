"""A small part of the study of machines that fail a command, such as anybody can run."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from experiments.faults.conditions import Command, row_of, run
from experiments.faults.failing_machines import Condition, plain, remove
from experiments.faults.outcomes import damaged, results
from tests.end_to_end.commands import forked

SMALL_FILES = Condition("files of 4 kB at most", plain, prefix=("prlimit", "--fsize=4096"))
REMOVED = Condition("output folder removed", plain, meanwhile=remove)


@pytest.fixture
def evaluate(run_of: Callable[[str], Path]) -> Command:
    checkpoint = run_of("joint") / "checkpoints/best.ckpt"
    words = ["dyninf.evaluate", f"checkpoint={checkpoint}", "report=false"]
    return Command("evaluate", words, "config.yaml")


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is of Linux")
def test_an_evaluation_without_room_leaves_whole_files_and_comes_to_the_same_again(
    evaluate: Command, tmp_path: Path
) -> None:
    words = evaluate.words[1:]
    forked("evaluate", *words, "output=whole", cwd=tmp_path, logs=tmp_path / "logs").check()
    row = row_of(evaluate, SMALL_FILES, tmp_path / "place", results(tmp_path / "whole"), 0)
    assert (row["code"], row["again"], row["damaged"], row["traceback"]) == (2, 0, "", False)
    assert "ulimit -f" in str(row["said"])
    assert row["identical"]


def test_an_evaluation_whose_folder_is_removed_says_so(evaluate: Command, tmp_path: Path) -> None:
    (tmp_path / "place").mkdir()
    code, said = run(evaluate, tmp_path / "place/out", tmp_path / "place/log", REMOVED)
    assert code == 2
    assert "config.yaml was removed meanwhile; start it again" in said.splitlines()[-1]
    assert damaged(tmp_path / "place/out") == []


def test_a_training_whose_folder_is_removed_in_its_assessment_says_so_and_comes_to_the_same_again(
    tiny: list[str], tmp_path: Path
) -> None:
    words = ["scheme=joint", *tiny, "report=false", "resume=true"]
    forked("train", *words, "output=whole", cwd=tmp_path, logs=tmp_path / "logs").check()
    train = Command("train", ["dyninf.train", *words], "trace/test/trace.json")
    row = row_of(train, REMOVED, tmp_path / "place", results(tmp_path / "whole"), 0)
    assert (row["code"], row["again"], row["damaged"], row["traceback"]) == (2, 0, "", False)
    assert row["identical"]
