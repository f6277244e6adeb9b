"""Predictions of many videos as a folder of Parquet files, one for each shard of the list.

``part-00000.parquet`` has the rows of the first shard, ``_plan.json`` says what the folder holds, and
``_SHA256SUMS`` which files are whole (``sha256sum -c``). What reads folders of Parquet files (pyarrow,
DuckDB, Spark) leaves out names that begin so.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from dyninf.atomic import atomic_file, told_if_full
from dyninf.checksum import sha256_of
from dyninf.json_file import write_json
from dyninf.report.prediction_facts import check_facts, facts_in
from dyninf.report.predictions import COLUMNS, Prediction

PLAN = "_plan.json"
SUMS = "_SHA256SUMS"
FORM = 1
_LINE = re.compile(r"(?P<found>[0-9a-f]{64})  (?P<name>part-\d{5,}\.parquet)\n")


class Shards:
    """Videos in shards of so many, and which of these have their file. One process writes until it is closed.

    folder: made if it is not there. videos: each once, in order. size: videos of a shard. facts: what decides
    the answers besides the videos, plain values by name; the same again when predicting goes on. say: told of
    a file that is damaged, whose videos are predicted again.

    left: the numbers of the shards that have no file. done: paths of the videos that have rows; errors: how
    many of these rows have an error.

    Raises ValueError if the folder holds something else, or predictions of other videos or with other facts,
    which it names; if another process writes to it; or if pyarrow is missing.
    """

    def __init__(
        self,
        folder: Path,
        videos: Sequence[Path],
        facts: Mapping[str, Any],
        size: int,
        say: Callable[[str], None] = lambda text: print(text, file=sys.stderr),
    ) -> None:
        require_pyarrow()
        self.folder, self.videos, self.size = folder, videos, size
        listed = hashlib.sha256(b"\0".join(os.fsencode(path) for path in videos)).hexdigest()
        self._count = -(-len(videos) // size)
        plan = {"form": FORM, "videos": len(videos), "list": listed[:16], "shard": size, **facts}
        self._plan = self._opened(plan)
        try:
            self._take()
            self._agree(plan)
            self._look(say)
        except BaseException:
            self.close()
            raise

    def videos_of(self, number: int) -> Sequence[Path]:
        """The videos of a shard."""
        return self.videos[number * self.size : (number + 1) * self.size]

    def write(self, number: int, rows: Sequence[Prediction]) -> None:
        """Write the file of a shard, whose rows are all there; its checksum comes last and makes it count.

        Raises OSError where there is no room, or the folder was removed meanwhile, which is not made again.
        """
        import pyarrow
        from pyarrow import parquet

        table = pyarrow.Table.from_pylist([_cells(row) for row in rows], schema=_schema())
        path, sums = self.folder / _name(number), self.folder / SUMS
        self._check_own()
        with atomic_file(path) as new:
            parquet.write_table(table, new, compression="zstd")
            found = sha256_of(new)
            self._check_own()  # or a file without its plan would be left
        with told_if_full(path), sums.open("r+") as lines:  # not "a", which would make it
            lines.seek(0, os.SEEK_END)
            lines.write(_line(path.name, found))

    def check_whole(self) -> None:
        """Raise FileNotFoundError that names the first file that is gone, of those that all shards have."""
        self._check_own()
        _check_there(*(self.folder / _name(number) for number in range(self._count)))

    def close(self) -> None:
        """Let others write."""
        self._plan.close()

    def _opened(self, plan: Mapping[str, Any]) -> IO[bytes]:
        """The file of the plan, which is written if it is not there."""
        path = self.folder / PLAN
        if not path.is_file():
            self.folder.mkdir(parents=True, exist_ok=True)
            others = sorted(name for name in os.listdir(self.folder) if not name.startswith("."))
            if others:
                raise ValueError(
                    f"{self.folder} holds {others[0]} and was not written by dyninf.predict; "
                    "give another output"
                )
            write_json(path, plan)
        with told_if_full(path):
            return path.open("r+b")

    def _take(self) -> None:
        try:
            fcntl.flock(self._plan.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"another process is writing to {self.folder}; give another output") from None

    def _agree(self, plan: Mapping[str, Any]) -> None:
        """The plan that is there has to be the same."""
        theirs = facts_in(self.folder / PLAN)
        check_facts(self.folder, theirs, {**plan, **dict.fromkeys(theirs.keys() - plan.keys())})

    def _look(self, say: Callable[[str], None]) -> None:
        """Note what is done; what is not whole counts as not there."""
        self.left: list[int] = []
        self.done: set[str] = set()
        self.errors = 0
        self._sums = _read_sums(self.folder / SUMS)
        for number in range(self._count):
            if (error := self._fault(number)) is None:
                self.done |= {str(path) for path in self.videos_of(number)}
                self.errors += self._errors(number)
                continue
            self.left.append(number)
            self._sums.pop(_name(number), None)
            if os.path.exists(self.folder / _name(number)):
                say(f"{self.folder / _name(number)} {error}; its videos are predicted again")
        _write_sums(self.folder / SUMS, self._sums)

    def _check_own(self) -> None:
        """Raise FileNotFoundError if the plan, or what tells of whole files, is not that of this process."""
        plan, sums = self.folder / PLAN, self.folder / SUMS
        _check_there(plan, sums)
        if not os.path.samestat(os.fstat(self._plan.fileno()), plan.stat()):
            raise FileNotFoundError(f"{plan} was replaced meanwhile; run the same command again")

    def _fault(self, number: int) -> str | None:
        """Why a shard does not count as done."""
        expected = self._sums.get(_name(number))
        if expected is None:
            return f"has no line in {SUMS}"
        try:
            found = sha256_of(self.folder / _name(number))
        except FileNotFoundError:
            return "is not there"
        return None if found == expected else f"is torn, or was changed: it does not fit its line in {SUMS}"

    def _errors(self, number: int) -> int:
        """How many videos of a shard that is done have one."""
        from pyarrow import compute, parquet

        table = parquet.read_table(self.folder / _name(number), columns=["window", "error"])
        whole = table.filter(compute.is_null(table["window"]))
        return len(whole) - int(whole["error"].null_count)


def _check_there(*files: Path) -> None:
    for file in files:
        if not file.is_file():
            raise FileNotFoundError(f"{file} was removed meanwhile; run the same command again")


def _name(number: int) -> str:
    return f"part-{number:05d}.parquet"


def _line(name: str, found: str) -> str:
    """As sha256sum has it."""
    return f"{found}  {name}\n"


def _read_sums(path: Path) -> dict[str, str]:
    """Checksums by name; what is no whole line is passed over, and its file counts as not there."""
    if not path.is_file():
        return {}
    lines = map(_LINE.fullmatch, path.read_text(errors="replace").splitlines(keepends=True))
    return {line["name"]: line["found"] for line in lines if line is not None}


def _write_sums(path: Path, sums: Mapping[str, str]) -> None:
    with atomic_file(path) as new:
        new.write_text("".join(_line(name, found) for name, found in sums.items()))


class ShardRows:
    """Takes the rows of a source's videos in their order, and writes each shard as soon as it is whole.

    Rows of one that is not are lost when it is closed: its videos are predicted again by who goes on.
    """

    def __init__(self, shards: Shards) -> None:
        self.shards = shards
        self.done, self.errors = shards.done, shards.errors
        self.clips = 0  # a shard does not know its place among all
        self._left = list(shards.left)
        self._rows: list[Prediction] = []
        self._videos = 0

    def write(self, row: Prediction) -> None:
        self._rows.append(row)
        self._videos += row.window is None
        number = self._left[0]
        if self._videos == len(self.shards.videos_of(number)):
            self.shards.write(number, self._rows)
            del self._left[0]
            self._rows, self._videos = [], 0

    def check_whole(self) -> None:
        self.shards.check_whole()

    def close(self) -> None:
        self.shards.close()


class ListedRows:
    """Keeps rows."""

    def __init__(self) -> None:
        self.done: set[str] = set()
        self.errors = self.clips = 0
        self.rows: list[Prediction] = []

    def write(self, row: Prediction) -> None:
        self.rows.append(row)

    def check_whole(self) -> None:
        """Nothing can be gone."""

    def close(self) -> None:
        """Nothing is open."""


def require_pyarrow() -> None:
    """Raise ValueError, which says what to install, if the package that writes Parquet is missing."""
    if find_spec("pyarrow") is None:
        raise ValueError(
            "a folder of Parquet files needs pyarrow, which is not there: pip install 'dyninf[ray]'"
        )


def _schema() -> Any:
    import pyarrow as pa

    likely = pa.list_(pa.struct([("class", pa.string()), ("probability", pa.float64())]))
    kinds = {
        **dict.fromkeys(("path", "class", "checkpoint", "error"), pa.string()),
        **dict.fromkeys(("window", "label", "frames_decoded"), pa.int32()),
        **dict.fromkeys(("start", "end", "probability", "gmacs", "share", "ms"), pa.float64()),
        "top5": likely,
    }
    return pa.schema([(column, kinds[column]) for column in COLUMNS])


def _cells(row: Prediction) -> dict[str, Any]:
    values = row.values()
    likely = [{"class": _text(name), "probability": value} for name, value in values["top5"]]
    texts = {name: _text(value) for name, value in values.items() if isinstance(value, str)}
    return values | texts | {"top5": likely}


def _text(value: str) -> str:
    """Parquet holds UTF-8 alone; bytes of a file's name that are none are spelt out, such as \\xe9."""
    return os.fsencode(value).decode("utf-8", "backslashreplace")
