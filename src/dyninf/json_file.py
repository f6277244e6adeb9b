"""Files of ours that are read without trust: JSON, and what their errors say."""

import json
from pathlib import Path
from typing import Any

LONGEST = 300


def read_json(path: Path) -> Any:
    """What a file holds.

    Raises ValueError that says in one line what is wrong, without the path: it is no UTF-8 or no JSON, or its
    values are nested too deeply.
    """
    try:
        return json.loads(path.read_bytes().decode("utf-8"))
    except UnicodeDecodeError as error:
        raise ValueError(f"byte {error.start} is no UTF-8") from None
    except RecursionError:
        raise ValueError("its values are nested too deeply") from None


def brief(error: BaseException) -> str:
    """What an error says, in one line that can be printed, and not longer than some lines of a terminal."""
    text = " ".join(str(error).split()) or type(error).__name__
    text = "".join(letter if letter.isprintable() else "�" for letter in text)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
