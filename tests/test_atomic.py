"""Files and folders that are there whole or not at all."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from dyninf.atomic import NO_PLACE, atomic_file, atomic_folder, told_if_full


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


KILLED = """
import os, signal, sys
import os
import signal
import subprocess
import sys
from pathlib import Path
from dyninf.atomic import atomic_file
with atomic_file(Path(sys.argv[1])) as new:
    new.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_a_killed_process_left_goes_when_the_file_is_written_again(tmp_path: Path) -> None:
    path = tmp_path / "table [1].csv"
    path.write_text("old")
    assert subprocess.run([sys.executable, "-c", KILLED, path], check=False).returncode == -signal.SIGKILL
    (left,) = tmp_path.glob(".*~")
    assert (left / path.name).read_text() == "half"
    assert path.read_text() == "old"
    with atomic_file(tmp_path / "other.csv") as new:
        new.write_text("other")
    assert left.exists()
    with atomic_file(path) as new:
        assert not left.exists()
        new.write_text("new")
    assert everything_below(tmp_path) == {"other.csv": "other", "table [1].csv": "new"}


def test_two_that_write_the_same_file_leave_each_other_alone(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    with atomic_file(path) as first:
        first.write_text("first")
        with atomic_file(path) as second:
            second.write_text("second")
        assert path.read_text() == "second"
    assert everything_below(tmp_path) == {"table.csv": "first"}


@pytest.mark.parametrize("code", sorted(NO_PLACE))
def test_no_room_and_no_permission_are_told_with_the_name_of_the_file(tmp_path: Path, code: int) -> None:
    path = tmp_path / "table.csv"
    path.write_text("old")
    with pytest.raises(OSError, match=r"^cannot write .*table\.csv: ") as found, atomic_file(path):
        raise OSError(code, os.strerror(code))
    assert found.value.errno == code
    assert everything_below(tmp_path) == {"table.csv": "old"}


def test_other_errors_stay_what_they_are(tmp_path: Path) -> None:
    with pytest.raises(IsADirectoryError), told_if_full(tmp_path):
        tmp_path.write_text("")


def test_a_disk_that_is_full_while_tensors_are_written_is_told(tmp_path: Path) -> None:
    code = f"""
import resource, signal, sys, torch
import os
import signal
import subprocess
import sys
from pathlib import Path
from dyninf.tensor_file import save_tensors
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
save_tensors(Path({str(tmp_path / "last.ckpt")!r}), torch.zeros(100_000))
"""
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert found.returncode == 1
    assert f"cannot write {tmp_path / 'last.ckpt'}: the file would be larger than allowed" in found.stderr
    assert everything_below(tmp_path) == {}
