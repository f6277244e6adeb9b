"""``python -m dyninf.check_data``: a copy of a data set with damage is checked, and trained on without it."""

import csv
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.data.published import Item, make_kinetics400, make_something_v1, write_video
from tests.end_to_end.bad import assert_refused
from tests.end_to_end.commands import Finished, started

Command = Callable[..., Finished]

SMALL = ["dataset.num_frames=4", "dataset.resize=40", "dataset.crop=32", "dataset.num_workers=0"]


def rows_of(folder: Path) -> dict[str, dict[str, str]]:
    with (folder / "check.csv").open(newline="") as file:
        return {Path(row["path"]).name: row for row in csv.DictReader(file)}


@pytest.fixture
def damaged(tmp_path: Path) -> Path:
    """Kinetics with 26 videos, of which 6 are bad, each in its own way."""
    root = tmp_path / "kinetics"
    make_kinetics400(root, per_class=10, test_per_class=3)
    missing, cut, text, empty, short = sorted((root / "train/air drumming").iterdir())[:5]
    missing.unlink()
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    text.write_text("This is not a film.\n")
    empty.write_bytes(b"")
    write_video(short, Item("train", 0, "air drumming", 4).frames(3))
    mislaid = sorted((root / "val/zumba").iterdir())[0]
    mislaid.rename(root / "val/air drumming" / mislaid.name)
    return root


def test_an_incomplete_copy_is_checked_and_trained_on_without_what_is_bad(
    damaged: Path, here: Path, command: Command
) -> None:
    dataset = ["dataset=kinetics400", f"dataset.root={damaged}", *SMALL]
    done = started("check_data", *dataset, "output=check", "jobs=2", cwd=here).check()
    rows = rows_of(here / "check")
    assert len(rows) == 26
    assert {name: row["status"] for name, row in rows.items() if row["status"] != "ok"} == {
        "-id_10000_000000_000010.mp4": "missing",
        "-id_10001_000001_000011.mp4": "unreadable",
        "-id_10002_000002_000012.mp4": "unreadable",
        "-id_10003_000003_000013.mp4": "unreadable",
        "-id_10004_000004_000014.mp4": "too_short",
        "-id_25000_000000_000010.mp4": "wrong_label",
    }
    assert rows["-id_10001_000001_000011.mp4"]["reason"].startswith("cannot be opened")
    assert rows["-id_10003_000003_000013.mp4"]["reason"] == "the file is empty (0 bytes)"
    assert rows["-id_25000_000000_000010.mp4"]["reason"].endswith("lies in the folder air drumming")
    good = rows["-id_10005_000005_000015.mp4"]
    assert (good["frames"], good["size"], good["codec"], good["reason"]) == ("8", "64x48", "h264", "")
    for words in ("306,245", "too short", "train + calibration", "6 of 26 videos are bad"):
        assert words in done.out
    assert f"dataset.exclude={here}/check/exclude.txt" in done.out
    assert len((here / "check/exclude.txt").read_text().splitlines()) == 6

    exclude = f"dataset.exclude={here}/check/exclude.txt"
    again = command("check_data", *dataset, exclude, "output=again", "decode=full").check()
    assert "0 of 20 videos are bad" in again.out
    assert (here / "again/exclude.txt").read_text() == (here / "check/exclude.txt").read_text()
    quick = ["scheme=input", "trainer.max_epochs=1", "callbacks=quiet", "trainer.enable_progress_bar=false"]
    command("train", *dataset, exclude, *quick, "dataset.batch_size=4", "output=run").check()
    summary = json.loads((here / "run/summary.json").read_text())
    assert summary["videos"] == summary["replay_agrees"] == 5
    assert summary["left_out"] == 0


def test_a_sample_of_every_split_is_checked_and_sizes_are_estimated_from_it(
    damaged: Path, here: Path, command: Command
) -> None:
    dataset = ["dataset=kinetics400", f"dataset.root={damaged}", *SMALL]
    done = command("check_data", *dataset, "sample=2", "output=check").check()
    command("check_data", *dataset, "sample=2", "output=same").check()
    command("check_data", *dataset, "sample=2", "seed=1", "output=other").check()
    rows = rows_of(here / "check")
    assert sorted(row["split"] for row in rows.values()) == ["calibration"] * 2 + ["test"] * 2 + ["train"] * 2
    assert "about" in done.out
    assert rows.keys() == rows_of(here / "same").keys() != rows_of(here / "other").keys()


def test_videos_of_ones_own_are_checked_too_and_have_no_published_size(
    here: Path, tmp_path: Path, command: Command
) -> None:
    for split in ("train", "test"):
        for label, name in enumerate(("left", "right")):
            for number in range(2):
                path = tmp_path / "own" / split / name / f"{number}.mp4"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_video(path, Item(split, label, name, number).frames(8))
    own = ["dataset=video_folder", f"dataset.root={tmp_path / 'own'}", *SMALL]
    done = command("check_data", *own, "output=check").check()
    assert "0 of 8 videos are bad" in done.out
    assert "train + calibration" not in done.out
    with (here / "check/check.csv").open(newline="") as file:
        assert [row["status"] for row in csv.DictReader(file)] == ["ok"] * 8


def test_a_file_that_takes_too_long_is_a_row_and_not_the_end(
    here: Path, tmp_path: Path, command: Command
) -> None:
    make_something_v1(tmp_path / "some", per_class=2, test_per_class=1)
    dataset = ["dataset=something_v1", f"dataset.root={tmp_path / 'some'}", *SMALL]
    done = command("check_data", *dataset, "time_limit=0.001", "output=check", "jobs=1").check()
    with (here / "check/check.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert {row["status"] for row in rows} <= {"ok", "timeout"}
    assert {row["reason"] for row in rows if row["status"] == "timeout"} <= {"took more than 0.001 s"}
    assert "108,499" in done.out


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ([], "dataset"),
        (["dataset=ucf101"], "dataset.root is needed"),
        (["dataset=ucf101", "dataset.root=nowhere"], "no folder nowhere"),
        (["dataset=ucf101", "dataset.root=nowhere", "decode=all"], "decode must be ends or full, got 'all'"),
        (["dataset=ucf101", "dataset.root=nowhere", "jobs=0"], "jobs must be a number of at least 1, got 0"),
        (["dataset=ucf101", "dataset.root=nowhere", "policy=x"], "The groups of dyninf.check_data: dataset"),
    ],
)
def test_a_data_set_that_cannot_be_listed_is_one_line(
    overrides: list[str], said: str, here: Path, command: Command
) -> None:
    assert_refused(command("check_data", *overrides), "check_data", here, said)


def test_a_bad_line_of_an_annotation_is_named(damaged: Path, here: Path, command: Command) -> None:
    with (damaged / "train.csv").open("a") as file:
        file.write("zumba,abc,1\n")
    done = command("check_data", "dataset=kinetics400", f"dataset.root={damaged}")
    assert_refused(done, "check_data", here, f"{damaged / 'train.csv'}, line 22", "got 'zumba,abc,1'")
