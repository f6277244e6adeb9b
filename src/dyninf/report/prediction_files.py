"""Where rows of predictions go: a JSON Lines or CSV file that can be gone on with, or the terminal."""

from __future__ import annotations

import csv
import fcntl
import io
import json
import os
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, Protocol

from dyninf.atomic import told_if_full
from dyninf.report.prediction_facts import keep_facts
from dyninf.report.predictions import COLUMNS, Prediction

Row = dict[str, object]

SYNC_SECONDS = 1.0
"""At most so much work is lost where the machine ends, rather than the process."""


class Rows(Protocol):
    """Takes rows as they come.

    done: paths of the videos whose row is there already; errors: how many of these rows have an error;
    clips: how many clips they are of.

    check_whole: after the last row; raises OSError if what was written is gone.
    """

    done: set[str]
    errors: int
    clips: int

    def write(self, row: Prediction) -> None: ...
    def check_whole(self) -> None: ...
    def close(self) -> None: ...


class TerminalRows:
    """Lines of a table, each printed when it is there; paths come last, so that they can be of any length."""

    HEADER = ("class", "probability", "checkpoint", "GMACs", "of full", "ms", "frames", "video")
    WIDTHS = (24, 11, 14, 9, 8, 9, 6)

    def __init__(self) -> None:
        self.done: set[str] = set()
        self.errors = self.clips = 0
        self._begun = False

    def write(self, row: Prediction) -> None:
        if not self._begun:
            print(self._line(self.HEADER), flush=True)
            self._begun = True
        where = row.path
        if row.window is not None:
            where += f"  window {row.window}"
            where += "" if row.start is None else f", {row.start:.2f} to {row.end:.2f} s"
        cells = [
            row.class_name or "-",
            "-" if row.probability is None else f"{row.probability:.1%}",
            row.checkpoint or "-",
            f"{row.gmacs:.4g}",
            f"{row.share:.1%}",
            f"{row.ms:.1f}",
            str(row.frames_decoded),
            where if row.error is None else f"{where}  error: {row.error.removeprefix(f'{row.path}: ')}",
        ]
        print(self._line(cells), flush=True)

    def check_whole(self) -> None:
        """Nothing can be gone."""

    def close(self) -> None:
        """Nothing is open."""

    def _line(self, cells: tuple[str, ...] | list[str]) -> str:
        # The first column is of words, the others are of numbers and short names.
        first, *rest, last = [_printable(cell) for cell in cells]
        width, *widths = self.WIDTHS
        numbers = [f"{cell:>{wide}}" for cell, wide in zip(rest, widths, strict=True)]
        return "  ".join([f"{_cut(first, width):<{width}}", *numbers, last])


class FileRows:
    """A file ending in .jsonl or .csv, to which rows are appended, each at once. One process writes to it.

    What an earlier run left stays: rows of whole videos and all windows of theirs. A last line that is torn,
    and the windows of a video that was not finished, are cut off. Of a live stream, which never is, all whole
    lines stay.

    facts: what decides the rows besides the videos, plain values by name; they lie in ``NAME.facts.json``
    beside the file. Rows that were left without facts, by an older version, are gone on with as they are.

    clips: how many the rows that stay are of.

    Raises ValueError if the name has another ending, the file holds something else, or rows with other facts,
    which it names, or if another process writes to it. OSError where there is no room for a row.
    """

    def __init__(self, path: Path, live: bool = False, facts: Mapping[str, Any] | None = None) -> None:
        if path.suffix not in (".jsonl", ".csv"):
            raise ValueError(f"output must be a file ending in .jsonl or .csv, or a folder; got {path}")
        self.path = path
        self.done: set[str] = set()
        self.errors = 0
        self.clips = 0
        self._is_csv = path.suffix == ".csv"
        self._synced = time.monotonic()
        path.parent.mkdir(parents=True, exist_ok=True)
        # Without "x" or "w": what is there is read first. Line ends are written as they are on any system.
        self._file: IO[bytes] = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+b")
        try:
            self._take()
            kept = self._read(live)
            if facts is not None:
                keep_facts(path, facts, goes_on=bool(self.done) or (live and kept > 0))
            self._file.truncate(kept)
            os.lseek(self._file.fileno(), kept, os.SEEK_SET)
            if kept == 0 and self._is_csv:
                self._append(_csv_line(COLUMNS))
        except BaseException:
            self._file.close()
            raise

    def write(self, row: Prediction) -> None:
        values = row.values()
        if self._is_csv:
            values |= {"top5": json.dumps(values["top5"])}
            self._append(_csv_line(["" if value is None else value for value in values.values()]))
        else:
            self._append(json.dumps(values) + "\n")

    def check_whole(self) -> None:
        if os.fstat(self._file.fileno()).st_nlink == 0:
            raise FileNotFoundError(f"{self.path} was removed meanwhile; run the same command again")

    def close(self) -> None:
        if not self._file.closed:
            os.fsync(self._file.fileno())
            self._file.close()

    def _append(self, line: str) -> None:
        data, file = line.encode(errors="surrogateescape"), self._file.fileno()
        with told_if_full(self.path):
            while data:
                data = data[os.write(file, data) :]
            # What is written survives the end of the process; for that of the machine it takes the disk.
            if time.monotonic() - self._synced > SYNC_SECONDS:
                os.fsync(file)
                self._synced = time.monotonic()
        self.check_whole()

    def _take(self) -> None:
        try:
            fcntl.flock(self._file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ValueError(f"another process is writing {self.path}; give another output") from None

    def _read(self, live: bool) -> int:
        """Note what is there; gives the number of bytes that stay."""
        position = kept = windows = 0
        for number, record in enumerate(self._records(), start=1):
            position += len(record)
            row = self._row(record, number)
            if row is None or live:  # the header
                kept = position
            elif row["window"] in (None, ""):
                kept = position
                self.clips += windows or 1
                windows = 0
                self.done.add(str(row["path"]))
                self.errors += bool(row["error"])
            else:
                windows += 1
        return kept

    def _records(self) -> Iterator[bytes]:
        """Whole rows with their line ends; in CSV a quoted field may hold line ends of its own."""
        record = b""
        for line in self._file:
            record += line
            if line.endswith(b"\n") and not (self._is_csv and record.count(b'"') % 2):
                yield record
                record = b""
        self._check_torn(record)

    def _check_torn(self, record: bytes) -> None:
        """Raise ValueError if what is cut off was not ours: a file of one line, with no line end."""
        begins = _csv_line(COLUMNS).encode() if self._is_csv else b'{"path": "'
        at_the_top = self._file.tell() == len(record)
        if (at_the_top or not self._is_csv) and record[: len(begins)] != begins[: len(record)]:
            raise ValueError(f"{self.path} was not written by dyninf.predict; give another output")

    def _row(self, record: bytes, number: int) -> Row | None:
        text = record.decode(errors="surrogateescape")
        try:
            if self._is_csv:
                [cells] = csv.reader(io.StringIO(text, newline=""))
                if number == 1 and tuple(cells) == COLUMNS:
                    return None
                if number == 1:
                    raise ValueError
                return dict(zip(COLUMNS, cells, strict=True))
            row = json.loads(text)
            if not isinstance(row, dict) or not {"path", "window", "error"} <= row.keys():
                raise ValueError
            return row
        except (ValueError, csv.Error, RecursionError):
            raise ValueError(
                f"{self.path}, row {number} was not written by dyninf.predict; give another output"
            ) from None


def rows_to(output: Path | None, live: bool = False, facts: Mapping[str, Any] | None = None) -> Rows:
    """Into a file, or for None onto the terminal. facts: see `FileRows`."""
    return TerminalRows() if output is None else FileRows(output, live, facts)


def _csv_line(cells: object) -> str:
    line = io.StringIO(newline="")
    csv.writer(line, lineterminator="\n").writerow(cells)  # type: ignore[arg-type]
    return line.getvalue()


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: width - 1] + "…"


def _printable(text: str) -> str:
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape", "backslashreplace").decode() for c in text
    )
