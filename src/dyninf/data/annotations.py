"""Reading the annotation files of published data sets; every error is one line that says file and place."""

from __future__ import annotations

import json
import os
import reprlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 80


def shown(value: object) -> str:
    """What a file holds, in quotes and at most some 80 characters long, for a line that tells of it."""
    return _SHORT.repr(value)


class Place(NamedTuple):
    """Where in a file something was read: "line 3"."""

    file: Path
    where: str

    def error(self, reason: str) -> ValueError:
        return ValueError(f"{self.file}, {self.where}: {reason}")


def find(root: Path, names: Sequence[str], folders: Sequence[str] = (".",)) -> Path | None:
    """The first of these files that lies in one of these folders of `root`."""
    places = (root / folder / name for folder in folders for name in names)
    return next((place for place in places if place.is_file()), None)


def needed(root: Path, what: str, names: Sequence[str], folders: Sequence[str] = (".",)) -> Path:
    """As `find`; FileNotFoundError that says what is looked for, and where, if there is none."""
    found = find(root, names, folders)
    if found is None:
        raise FileNotFoundError(no_file(root, what, names, folders))
    return found


def no_file(root: Path, what: str, names: Sequence[str], folders: Sequence[str] = (".",)) -> str:
    """The line for a file that is missing."""
    if not root.is_dir():
        return f"no folder {root}: it has to hold the {what}, {' or '.join(names)}"
    return f"no {what}: looked for {' or '.join(names)} in {' and '.join(str(root / f) for f in folders)}"


def text_of(file: Path) -> str:
    """A text file's content; ValueError that names it if it is not UTF-8."""
    try:
        return file.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise ValueError(f"{file}: is not a text file in UTF-8") from None


def lines(file: Path) -> Iterator[tuple[Place, str]]:
    """The lines that are not blank, without white space around them."""
    for number, line in enumerate(text_of(file).splitlines(), start=1):
        if line.strip():
            yield Place(file, f"line {number}"), line.strip()


def json_of(file: Path, kind: type[list] | type[dict]) -> Any:
    """A JSON file whose outermost value is a list, or an object; ValueError that names it otherwise."""
    text = text_of(file)
    try:
        value = json.loads(text)
        if "\\ud" in text.lower():  # half of a pair of surrogates is no text that could be hashed or printed
            json.dumps(value, ensure_ascii=False).encode()
    except json.JSONDecodeError as error:
        raise Place(file, f"line {error.lineno}").error(f"is not JSON: {error.msg}") from None
    except UnicodeEncodeError:
        raise ValueError(f"{file}: has an escape \\ud… that is half a character") from None
    except RecursionError:
        raise ValueError(f"{file}: its values are nested too deeply") from None
    except ValueError:  # Python's limit on the digits of a number
        raise ValueError(f"{file}: has a number of thousands of digits") from None
    if not isinstance(value, kind):
        raise ValueError(f"{file}: has to be a JSON {'list' if kind is list else 'object'}")
    return value


def folder_of(root: Path, files: Sequence[str], usual: Sequence[str] = (".",)) -> Path:
    """The folder that these files lie in: one of the usual ones, or another in `root`.

    Only the first few files are looked for. Where none is found it is the first usual folder; what is
    missing is named when it is read.
    """
    expected = [root / folder for folder in usual]
    others = sorted(path for path in root.iterdir() if path.is_dir()) if root.is_dir() else []
    for folder in (*expected, root, *others):
        # Unlike Path.exists, this answers no where a name is too long to be one.
        if any(os.path.exists(folder / file) for file in files[:5]):
            return folder
    return expected[0]
