"""Files and folders that are there whole or not at all."""

from pathlib import Path

import pytest

from dyninf.atomic import atomic_file, atomic_folder


class Interrupted(BaseException):
    """Not even an Exception, as with Ctrl-C."""


def everything_below(folder: Path) -> dict[str, str | None]:
    return {
        str(path.relative_to(folder)): path.read_text() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
    }


def test_a_file_appears_when_it_is_whole(tmp_path: Path) -> None:
    with atomic_file(tmp_path / "new" / "table.csv") as new:
        assert new.name == "table.csv"
        new.write_text("half")
        assert not (tmp_path / "new" / "table.csv").exists()
        new.write_text("whole")
    assert everything_below(tmp_path) == {"new": None, "new/table.csv": "whole"}


def test_a_file_is_replaced_when_the_new_one_is_whole(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("old")
    with atomic_file(tmp_path / "table.csv") as new:
        new.write_text("new")
        assert (tmp_path / "table.csv").read_text() == "old"
    assert everything_below(tmp_path) == {"table.csv": "new"}


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "deep" / "trace") as new:
        (new / "a").write_text("1")
        (new / "sub").mkdir()
        (new / "sub" / "b").write_text("2")
        assert not (tmp_path / "deep" / "trace").exists()
    assert everything_below(tmp_path / "deep") == {
        "trace": None,
        "trace/a": "1",
        "trace/sub": None,
        "trace/sub/b": "2",
    }


def test_a_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    (tmp_path / "trace").mkdir()
    (tmp_path / "trace" / "old").write_text("old")
    with atomic_folder(tmp_path / "trace") as new:
        (new / "new").write_text("new")
        assert (tmp_path / "trace" / "old").read_text() == "old"
    assert everything_below(tmp_path) == {"trace": None, "trace/new": "new"}


def half_a_folder(path: Path, error: type[BaseException]) -> None:
    with atomic_folder(path) as folder:
        (folder / "a").write_text("half")
        raise error


def half_a_file(path: Path, error: type[BaseException]) -> None:
    with atomic_file(path) as file:
        file.write_text("half")
        raise error


@pytest.mark.parametrize("error", [ValueError, Interrupted, KeyboardInterrupt])
@pytest.mark.parametrize("exists", [True, False])
def test_an_error_leaves_what_was_there_and_nothing_else(
    tmp_path: Path, error: type[BaseException], exists: bool
) -> None:
    if exists:
        (tmp_path / "trace").mkdir()
        (tmp_path / "trace" / "a").write_text("old")
        (tmp_path / "table.csv").write_text("old")
    before = everything_below(tmp_path)
    with pytest.raises(error):
        half_a_folder(tmp_path / "trace", error)
    with pytest.raises(error):
        half_a_file(tmp_path / "table.csv", error)
    assert everything_below(tmp_path) == before


def test_a_file_that_is_never_written_is_an_error_and_leaves_what_was_there(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("old")
    with pytest.raises(FileNotFoundError), atomic_file(tmp_path / "table.csv"):
        pass
    assert everything_below(tmp_path) == {"table.csv": "old"}


def test_others_may_read_a_folder_as_far_as_the_umask_says(tmp_path: Path) -> None:
    (tmp_path / "usual").mkdir()
    with atomic_folder(tmp_path / "trace") as new:
        (new / "a").write_text("1")
    assert (tmp_path / "trace").stat().st_mode == (tmp_path / "usual").stat().st_mode
