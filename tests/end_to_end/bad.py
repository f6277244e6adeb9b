"""What every command owes to a user who gave it something wrong."""

from pathlib import Path

from tests.end_to_end.commands import Finished


def assert_refused(done: Finished, name: str, here: Path, *said: str) -> None:
    """Assert exit code 2, one line on standard error that has all of `said`, and nothing left in `here`."""
    lines = done.err.splitlines()
    assert done.code == 2, done.err
    assert len(lines) == 1, done.err
    assert lines[0].startswith(f"dyninf.{name}: error: ")
    for words in said:
        assert words in lines[0]
    assert list(here.iterdir()) == []
