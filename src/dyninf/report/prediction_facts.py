"""What decides rows of predictions besides the videos, kept beside them for who goes on with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dyninf.json_file import brief, read_json, write_json


def facts_file(rows: Path) -> Path:
    """Where the facts of a file of rows lie."""
    return rows.with_name(f"{rows.name}.facts.json")


def keep_facts(rows: Path, facts: Mapping[str, Any], goes_on: bool) -> None:
    """Write the facts of rows, plain values by name; where rows are gone on with, theirs have to be the same.

    Rows whose facts are not there, as an older version left them, are gone on with as they are.

    Raises ValueError that names what differs, or the file with facts if that is damaged.
    """
    file = facts_file(rows)
    if not goes_on or not file.is_file():
        write_json(file, facts)
        return
    try:
        theirs = read_json(file)
        if not isinstance(theirs, dict):
            raise ValueError("it holds no names with values")
    except ValueError as error:
        raise ValueError(f"{file} is damaged: {brief(error)}; give another output") from error
    for name, value in facts.items():
        if theirs.get(name) != value:
            was = f"{rows} has rows with {name} {theirs.get(name)!r}"
            raise ValueError(f"{was}, and now it is {value!r}; give another output")
