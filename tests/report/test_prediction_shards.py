"""Predictions in shards: whole files, gone on with, of one list and one way to answer."""

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.networks import require_package

from dyninf.report import Prediction, ShardRows, Shards

VIDEOS = [Path(f"{number}.mp4") for number in range(5)]
FACTS = {"network": "a", "policy": "at 0.5, 0.7", "windows": None}


@pytest.fixture(autouse=True)
def _parquet() -> None:
    require_package("pyarrow")


def row_of(path: Path) -> Prediction:
    return Prediction(str(path), label=1, class_name="ü", probability=0.25, top5=(("ü", 0.25), ("b", 0.125)))


def opened(
    folder: Path, videos: Sequence[Path] = VIDEOS, size: int = 2, **facts: Any
) -> tuple[Shards, list[str]]:
    said: list[str] = []
    return Shards(folder, videos, FACTS | facts, size, said.append), said


def looked_at(*args: Any, **facts: Any) -> tuple[Shards, list[str]]:
    """The same, closed."""
    shards, said = opened(*args, **facts)
    shards.close()
    return shards, said


def filled(folder: Path) -> list[dict[str, Any]]:
    """Predict what is left in a folder; all its rows."""
    from pyarrow import dataset

    with closing(ShardRows(opened(folder)[0])) as rows:
        for path in VIDEOS:
            if str(path) not in rows.done:
                rows.write(row_of(path))
    found: list[dict[str, Any]] = dataset.dataset(folder).to_table().to_pylist()
    return found


def test_rows_come_back_in_the_order_of_the_list(tmp_path: Path) -> None:
    found = filled(tmp_path / "out")
    assert [row["path"] for row in found] == [str(path) for path in VIDEOS]
    likely = [{"class": "ü", "probability": 0.25}, {"class": "b", "probability": 0.125}]
    assert found[0] == row_of(VIDEOS[0]).values() | {"top5": likely}
    names = ["_SHA256SUMS", "_plan.json", *(f"part-{number:05d}.parquet" for number in range(3))]
    assert sorted(os.listdir(tmp_path / "out")) == names


def test_a_shard_is_written_with_its_last_video_and_what_is_not_whole_is_made_again(tmp_path: Path) -> None:
    window = Prediction("2.mp4", window=0, error="2.mp4: its middle is damaged")
    whole = Prediction("2.mp4", error="1 of 1 windows: 2.mp4: its middle is damaged")
    with closing(ShardRows(opened(tmp_path)[0])) as rows:
        for row in (row_of(VIDEOS[0]), row_of(VIDEOS[1]), window, whole):
            rows.write(row)
    shards, _ = looked_at(tmp_path)
    assert (shards.left, shards.done, shards.errors) == ([1, 2], {"0.mp4", "1.mp4"}, 0)
    assert shards.videos_of(2) == VIDEOS[4:]
    with closing(ShardRows(opened(tmp_path)[0])) as rows:
        for row in (window, whole, row_of(VIDEOS[3])):
            rows.write(row)
    shards, _ = looked_at(tmp_path)
    assert (shards.left, len(shards.done), shards.errors) == ([2], 4, 1)


def test_what_a_killed_writer_left_goes(tmp_path: Path) -> None:
    left = tmp_path / ".part-00001.parquet.abcdefgh~"
    left.mkdir()
    (left / "part-00001.parquet").write_bytes(b"PAR1")
    assert len(filled(tmp_path)) == 5
    assert sorted(path.name for path in tmp_path.glob(".*")) == []


def test_a_file_that_is_torn_or_flipped_is_said_and_made_again(tmp_path: Path) -> None:
    expected = filled(tmp_path)
    part = tmp_path / "part-00001.parquet"
    whole = part.read_bytes()
    for content in (b"", whole[:100], whole[:-1], whole[:60] + bytes([whole[60] ^ 1]) + whole[61:]):
        part.write_bytes(content)
        shards, said = looked_at(tmp_path)
        assert shards.left == [1]
        assert len(said) == 1
        assert said[0].startswith(f"{part} is torn, or was changed: ")
        assert said[0].endswith("; its videos are predicted again")
        assert filled(tmp_path) == expected


def test_checksums_are_those_of_sha256sum_and_torn_ones_count_for_nothing(tmp_path: Path) -> None:
    expected = filled(tmp_path)
    sums = tmp_path / "_SHA256SUMS"
    checked = subprocess.run(["sha256sum", "-c", sums.name], cwd=tmp_path, capture_output=True, text=True)
    assert checked.stdout.splitlines() == [f"part-{number:05d}.parquet: OK" for number in range(3)]
    lines = sums.read_text().splitlines(keepends=True)
    for damaged in ([], lines[:2], [*lines[:2], lines[2][:-1]], [*lines[:2], lines[2][:70]]):
        sums.write_text("".join(damaged))
        shards, said = looked_at(tmp_path)
        assert shards.left == list(range(min(len(damaged), 2), 3))
        assert all(line.endswith("no line in _SHA256SUMS; its videos are predicted again") for line in said)
        assert filled(tmp_path) == expected
        assert sums.read_text() == "".join(lines)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"videos": VIDEOS[:4]}, "videos 5, and now it is 4"),
        ({"videos": [*VIDEOS[:4], Path("other.mp4")]}, "list '"),
        ({"size": 3}, "shard 2, and now it is 3"),
        ({"network": "b"}, "network 'a', and now it is 'b'"),
        ({"policy": "at 0.5, 0.8"}, "policy 'at 0.5, 0.7', and now it is 'at 0.5, 0.8'"),
        ({"windows": "2 s"}, "windows None, and now it is '2 s'"),
        ({"more": 1}, "more None, and now it is 1"),
    ],
)
def test_another_plan_is_refused_with_what_differs(tmp_path: Path, change: dict[str, Any], said: str) -> None:
    filled(tmp_path)
    with pytest.raises(ValueError, match="give another output") as error:
        opened(tmp_path, **change)
    assert f"{tmp_path} has rows with {said}" in str(error.value)


def test_files_of_others_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/notes.txt").write_text("mine")
    with pytest.raises(ValueError, match=r"holds notes.txt and was not written by dyninf.predict"):
        opened(tmp_path / "mine")
    filled(tmp_path / "a")
    for content in ("", "[]", "{}", (tmp_path / "a/_plan.json").read_text().replace("0.5", "0.6")):
        (tmp_path / "a/_plan.json").write_text(content)
        with pytest.raises(ValueError, match=r"_plan.json is damaged|has rows with form None"):
            opened(tmp_path / "a")


def test_a_folder_that_is_removed_meanwhile_is_told_and_is_not_made_again(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    with closing(ShardRows(opened(folder)[0])) as rows:
        for path in VIDEOS[:3]:
            rows.write(row_of(path))
        shutil.rmtree(folder)
        with pytest.raises(FileNotFoundError, match=r"out/_plan\.json was removed meanwhile; run the same"):
            rows.write(row_of(VIDEOS[3]))
        assert not folder.exists()
    assert len(filled(folder)) == 5


def test_what_another_began_in_the_place_of_a_removed_folder_is_left_alone(tmp_path: Path) -> None:
    with closing(ShardRows(opened(tmp_path / "out")[0])) as rows:
        shutil.rmtree(tmp_path / "out")
        expected = filled(tmp_path / "out")
        rows.write(row_of(VIDEOS[0]))
        with pytest.raises(FileNotFoundError, match=r"out/_plan\.json was replaced meanwhile; run the same"):
            rows.write(row_of(VIDEOS[1]))
    assert filled(tmp_path / "out") == expected


@pytest.mark.parametrize("name", ["_plan.json", "_SHA256SUMS"])
def test_no_shard_is_added_where_what_tells_of_it_is_gone(name: str, tmp_path: Path) -> None:
    with closing(ShardRows(opened(tmp_path)[0])) as rows:
        (tmp_path / name).unlink()
        left = sorted(os.listdir(tmp_path))
        rows.write(row_of(VIDEOS[0]))
        with pytest.raises(FileNotFoundError, match=f"{re.escape(name)} was removed meanwhile"):
            rows.write(row_of(VIDEOS[1]))
    assert sorted(os.listdir(tmp_path)) == left


def test_in_the_end_every_shard_has_its_file(tmp_path: Path) -> None:
    with closing(ShardRows(opened(tmp_path)[0])) as rows:
        for path in VIDEOS:
            rows.write(row_of(path))
        rows.check_whole()
        (tmp_path / "part-00001.parquet").unlink()
        with pytest.raises(FileNotFoundError, match=r"part-00001\.parquet was removed meanwhile"):
            rows.check_whole()


def test_one_process_at_a_time_writes_to_a_folder(tmp_path: Path) -> None:
    with closing(ShardRows(opened(tmp_path)[0])):
        before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
        for facts in ({}, {"network": "b"}):
            with pytest.raises(ValueError, match=f"another process is writing to {tmp_path}; give another"):
                opened(tmp_path, **facts)
        assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    with pytest.raises(ValueError, match="network 'a', and now it is 'b'"):
        opened(tmp_path, network="b")
    assert len(filled(tmp_path)) == 5


def test_names_that_are_no_text_are_spelt_out(tmp_path: Path) -> None:
    from pyarrow import parquet

    path = Path(os.fsdecode(b"caf\xe9.mp4"))
    with closing(Shards(tmp_path, [path], FACTS, 1)) as shards:
        shards.write(0, [Prediction(str(path), error=f"{path}: no such file")])
    [row] = parquet.read_table(tmp_path / "part-00000.parquet").to_pylist()
    assert (row["path"], row["error"]) == ("caf\\xe9.mp4", "caf\\xe9.mp4: no such file")
    assert looked_at(tmp_path, [path], 1)[0].done == {str(path)}
