"""A small part of the study of machines that fail a command, such as anybody can run."""

import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from experiments.faults.conditions import Command, row_of
from experiments.faults.failing_machines import Condition, plain, remove
from experiments.faults.outcomes import results
from tests.end_to_end.commands import forked

SMALL_FILES = Condition("files of 4 kB at most", plain, prefix=("prlimit", "--fsize=4096"))
REMOVED = Condition("output folder removed", plain, meanwhile=remove)


@pytest.mark.skipif(sys.platform != "linux", reason="prlimit is of Linux")
@pytest.mark.parametrize(
    ("condition", "said"),
    [(SMALL_FILES, "ulimit -f"), (REMOVED, "config.yaml was removed meanwhile; start it again")],
    ids=["full", "removed"],
)
def test_an_evaluation_that_its_machine_fails_leaves_whole_files_and_comes_to_the_same_again(
    condition: Condition, said: str, run_of: Callable[[str], Path], tmp_path: Path
) -> None:
    words = [f"checkpoint={run_of('joint') / 'checkpoints/best.ckpt'}", "report=false"]
    forked("evaluate", *words, "output=whole", cwd=tmp_path, logs=tmp_path / "logs").check()
    evaluate = Command("evaluate", ["dyninf.evaluate", *words], "config.yaml")
    whole = results(tmp_path / "whole")
    row = row_of(evaluate, condition, tmp_path / "place", whole, 0)
    assert (row["code"], row["again"], row["damaged"], row["traceback"]) == (2, 0, "", False)
    assert said in str(row["said"])
    assert row["identical"]


def test_a_training_whose_folder_is_removed_in_its_assessment_says_so_and_comes_to_the_same_again(
    tiny: list[str], tmp_path: Path
) -> None:
    words = ["scheme=joint", *tiny, "report=false", "resume=true"]
    forked("train", *words, "output=whole", cwd=tmp_path, logs=tmp_path / "logs").check()
    train = Command("train", ["dyninf.train", *words], "trace/test/trace.json")
    row = row_of(train, REMOVED, tmp_path / "place", results(tmp_path / "whole"), 0)
    assert (row["code"], row["again"], row["damaged"], row["traceback"]) == (2, 0, "", False)
    assert row["identical"]
