"""List files, one video a line: "path label", or "folder frames label" for extracted frames.

These are the lists that TSM, MMAction2 and SlowFast train from; fields are parted by spaces or commas. A
label is a class's number or, in lists of one's own videos, its name.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from dyninf.data.annotations import Place, find, folder_of, lines, shown
from dyninf.data.video_dataset import ENDINGS, Video

CLASS_FILES = ("category.txt", "label_map.txt", "label_map_k400.txt", "kinetics_label_map.txt", "classes.txt")
"""Names of the classes, one a line, in the order of a list's labels."""

_BETWEEN = string.whitespace + ","
_ENDINGS = "|".join(re.escape(ending) for ending in sorted(ENDINGS))
# All that follows a video file and its number of frames; after a folder, which has no ending, the last word.
_LABEL = re.compile(rf"(?:\S.*(?:{_ENDINGS})(?:[\s,]+\d+)?|\S.*)[\s,]+(?P<label>\S.*)", re.IGNORECASE)


class Entry(NamedTuple):
    """A line of a list. frames: their number, where the list gives it."""

    path: str
    frames: int | None
    label: int
    place: Place


def read_list(file: Path, classes: Sequence[str] = ()) -> list[Entry]:
    """The entries in their order. classes: names that may stand for their numbers.

    Raises:
        ValueError: a line that is neither "path label" nor "folder frames label", or no line at all.
    """
    number_of = {name: number for number, name in enumerate(classes)}
    longest = max(map(len, number_of), default=0)
    entries = []
    for place, line in lines(file):
        rest, label = _last_name(line, number_of, longest)
        if label is None:
            rest, label = _last_number(line, place)
        if label is None:
            raise place.error(f"{_expected(classes)}; got {shown(line)}")
        path, frames = _last_number(rest, place)
        entries.append(Entry(path, frames, label, place))
    if not entries:
        raise ValueError(f"{file}: lists no video")
    return entries


def classes_of(file: Path) -> list[str]:
    """The names of a list's classes, in alphabetical order where its labels are names.

    Where they are numbers the names are those of the folders that the videos lie in (`classes_in_paths`).

    Raises:
        ValueError: a line without a label; numbers beside names; numbers without names.
    """
    names: dict[str, Place] = {}
    numbers: list[Place] = []
    for place, line in lines(file):
        match = _LABEL.fullmatch(line)
        if match is None:
            raise place.error(f"{_expected(())}; got {shown(line)}")
        if match["label"].isdigit():
            numbers.append(place)
        else:
            names.setdefault(match["label"], place)
    if names and numbers:
        raise numbers[0].error(
            f"its label is a number, but that in {next(iter(names.values())).where} is a name: "
            f"put {CLASS_FILES[-1]} beside the list, one class a line, or give names alone"
        )
    return sorted(names) if names else classes_in_paths(read_list(file))


def _last_name(line: str, number_of: Mapping[str, int], longest: int) -> tuple[str, int | None]:
    """What stands before the longest of these names at the end, and its number; all and None without both.

    longest: letters of the longest name.
    """
    for start in range(max(len(line) - longest, 1), len(line)):
        rest = line[:start].rstrip(_BETWEEN)
        if rest and line[start - 1] in _BETWEEN and line[start:] in number_of:
            return rest, number_of[line[start:]]
    return line, None


def _last_number(text: str, place: Place) -> tuple[str, int | None]:
    """What stands before the number at the end, and the number; all of it and None without both."""
    # Without a regular expression: the time that one takes grows with the square of a run of blanks.
    before = text.rstrip(string.digits)
    rest, digits = before.rstrip(_BETWEEN), text[len(before) :]
    if not digits or not rest or rest == before:
        return text, None
    if len(digits) > 9:
        raise place.error(f"{shown(digits)} is too large for a label or a number of frames")
    return rest, int(digits)


def videos_of(entries: Sequence[Entry], root: Path, num_classes: int) -> list[Video]:
    """The videos, whose paths are absolute, relative to `root`, or relative to a folder in it.

    Raises:
        ValueError: a label is that of no class.
    """
    folder = folder_of(root, [entry.path for entry in entries])
    for entry in entries:
        if entry.label >= num_classes:
            raise entry.place.error(f"label {entry.label} is unknown; they go from 0 to {num_classes - 1}")
    return [Video(folder / e.path, e.label, video_id_of(e.path, root), e.frames) for e in entries]


def video_id_of(path: str, root: Path) -> str:
    """A listed path as an id: without the ending, and without the machine's part if it is absolute."""
    place = Path(path)
    if place.is_absolute():
        place = place.relative_to(root) if place.is_relative_to(root) else Path(*place.parts[-2:])
    return (place.with_suffix("") if place.suffix.lower() in ENDINGS else place).as_posix()


def class_file_of(root: Path, list_file: Path) -> Path | None:
    """The file that names the classes of a list: beside it, or in the data set's folder."""
    return find(list_file.parent, CLASS_FILES) or find(root, CLASS_FILES)


def classes_in_paths(entries: Sequence[Entry]) -> list[str]:
    """The names of the folders that the videos lie in.

    Raises:
        ValueError: they are not one for each label from 0 on.
    """
    name_of: dict[int, str] = {}
    for entry in entries:
        name = Path(entry.path).parent.name
        if not name or name_of.setdefault(entry.label, name) != name:
            break
    else:
        if sorted(name_of) == list(range(len(name_of))) and len(set(name_of.values())) == len(name_of):
            return [name_of[label] for label in range(len(name_of))]
    raise ValueError(
        f"{entries[0].place.file}: its labels lack names: put {CLASS_FILES[-1]} beside it, one class a line"
    )


def _expected(classes: Sequence[str]) -> str:
    expected = 'expected "path label" or "folder frames label"'
    if not classes:
        return expected
    more = ", …" if len(classes) > 8 else ""
    return f"{expected}, the label a number or one of {', '.join(classes[:8])}{more}"
