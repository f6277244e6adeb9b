"""Which outputs are folders of shards, what is told of how they were made, and which lists are sources."""

import copy
from contextlib import closing
from pathlib import Path

import pytest
from tests.networks import random_network, require_package

from dyninf.data import Synthetic, Windows, is_list, listed_in
from dyninf.policies import MaxProbability, Patience, Policy, RandomExit
from dyninf.predicting import Source
from dyninf.predicting_shards import check_output, facts_of, names_folder, rows_of
from dyninf.predicting_work import Work
from dyninf.report import FileRows, ShardRows, TerminalRows


@pytest.fixture
def source(tmp_path: Path) -> Source:
    """Of a list with three videos that are not there."""
    (tmp_path / "list.txt").write_text("b.mp4\n\na.mp4\r\nb.mp4\nc d.mp4")
    return Source(str(tmp_path / "list.txt"), Synthetic(tmp_path, num_frames=4))


def work_of(source: Source, policy: Policy) -> Work:
    return Work(Path("best.ckpt"), ("one", "two"), policy, source)


def test_a_list_gives_its_videos_once_in_order(source: Source, tmp_path: Path) -> None:
    assert source.videos == [Path("b.mp4"), Path("a.mp4"), Path("c d.mp4")]
    assert source.path is None
    other = source.of([Path("x.mp4")])
    assert (other.videos, len(source.videos)) == ([Path("x.mp4")], 3)
    (tmp_path / "folder.txt").mkdir()
    assert [is_list(name) for name in ("a.TXT", "a.mp4", str(tmp_path / "folder.txt"))] == [
        True,
        False,
        False,
    ]
    (tmp_path / "empty.txt").write_text("\n")
    with pytest.raises(
        FileNotFoundError, match=r"empty.txt lists no video: it needs the path of one on each"
    ):
        listed_in(tmp_path / "empty.txt")
    with pytest.raises(FileNotFoundError, match=r"no list of videos nowhere.txt"):
        Source("nowhere.txt", source.datamodule)


def test_a_name_without_an_ending_is_a_folder(source: Source, tmp_path: Path) -> None:
    require_package("pyarrow")
    (tmp_path / "v1.0").mkdir()
    names = ("rows", str(tmp_path / "v1.0"), "v1.0", "rows.csv")
    assert [names_folder(Path(name)) for name in names] == [True, True, False, False]
    work, network = work_of(source, MaxProbability(0.5)), random_network("resnet_small", "joint", 4)
    assert isinstance(rows_of(None, work, network, 2), TerminalRows)
    assert isinstance(rows_of(tmp_path / "rows.csv", work, network, 2), FileRows)
    with closing(rows_of(tmp_path / "rows", work, network, 2)) as rows:
        assert isinstance(rows, ShardRows)
        assert rows.shards.left == [0, 1]


def test_what_cannot_go_into_shards_is_refused(source: Source) -> None:
    live, piped = (Source(name, source.datamodule) for name in ("camera:0", "-"))
    by_lot = RandomExit(shares=[1] + [0] * 11)
    for wrong in (live, piped):
        check_output(Path("rows.jsonl"), wrong, by_lot)
        with pytest.raises(ValueError, match=rf"a list that ends in .txt, not {wrong.name}"):
            check_output(Path("rows"), wrong, MaxProbability(0.5))
    with pytest.raises(ValueError, match="RandomExit draws by the place of a clip among all"):
        check_output(Path("rows"), source, by_lot)


def test_whatever_decides_the_answers_is_told(source: Source, tmp_path: Path) -> None:
    network = random_network("resnet_small", "joint", 4)
    plain = facts_of(work_of(source, MaxProbability(0.5)), network)
    assert plain == facts_of(work_of(source.of([]), MaxProbability(0.5)), network)

    def differing(work: Work) -> set[str]:
        return {name for name, value in facts_of(work, network).items() if value != plain[name]}

    assert differing(work_of(source, MaxProbability(0.5, temperature=2.0))) == {"policy"}
    assert differing(work_of(source, MaxProbability([0.5] * 10 + [0.6]))) == {"policy"}
    assert differing(work_of(source, Patience(threshold=0.5))) == {"policy"}
    cut, cropped = copy.copy(source), copy.copy(source)
    cut.windows, cropped.datamodule = Windows(2.0), Synthetic(tmp_path, num_frames=4, crop=32)
    assert differing(work_of(cut, MaxProbability(0.5))) == {"windows"}
    assert differing(work_of(cropped, MaxProbability(0.5))) == {"frames"}
    other = facts_of(work_of(source, MaxProbability(0.5)), random_network("resnet_small", "depth", 4))
    assert {name for name in plain if other[name] != plain[name]} == {"network", "fingerprint", "policy"}
