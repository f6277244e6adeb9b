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
    if goes_on and file.is_file():
        check_facts(rows, facts_in(file), facts)
    else:
        write_json(file, facts)


def facts_in(file: Path) -> dict[str, Any]:
    """Facts that were kept.

    Raises ValueError that names the file if it is damaged, or holds something else.
    """
    try:
        facts = read_json(file)
        if not isinstance(facts, dict):
            raise ValueError("it holds no names with values")
        return facts
    except ValueError as error:
        raise ValueError(
            f"{file} is damaged, or not of dyninf.predict: {brief(error)}; give another output"
        ) from error


def check_facts(rows: Path, theirs: Mapping[str, Any], ours: Mapping[str, Any]) -> None:
    """Raises ValueError that names the first fact in which rows that are there differ from those to come."""
    for name, value in ours.items():
        if theirs.get(name) != value:
            raise ValueError(
                f"{rows} has rows with {name} {brief(repr(theirs.get(name)))}, and now it is {value!r}; give "
                "another output"
            )
