"""JSON files of ours: written whole and with a checksum, read without trust; and what their errors say."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dyninf.atomic import atomic_file
from dyninf.checksum import sealed, unsealed

LONGEST = 300


def write_json(path: Path, values: Mapping[str, Any], indent: int = 1) -> None:
    """Write names with values and their checksum, the whole file or nothing.

    Raises TypeError or ValueError if JSON cannot hold a value, or OSError as `atomic_file` does.
    """
    text = json.dumps(sealed(values), indent=indent)
    with atomic_file(path) as new:
        new.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """What a file holds, without its checksum.

    Raises ValueError that says in one line what is wrong, without the path: it is no UTF-8 or no JSON, its
    values are nested too deeply, or they do not fit its checksum.
    """
    try:
        return unsealed(json.loads(path.read_bytes().decode("utf-8")))
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is no UTF-8") from None
    except RecursionError:
        raise ValueError("its values are nested too deeply") from None


def brief(error: object) -> str:
    """What an error, or a name in a file, says: one line that can be printed, of some lines of a terminal."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = "".join(letter if letter.isprintable() else "�" for letter in text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
