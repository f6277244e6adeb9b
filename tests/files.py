"""What files of dyninf hold, without their checksums, so that tests can change it and write it again."""

import json
from pathlib import Path
from typing import Any


def held_in(path: Path) -> Any:
    """The values of a JSON file; with its checksum they could not be changed."""
    values = json.loads(path.read_text())
    values.pop("sha256", None)
    return values
