"""What files of dyninf hold, without their checksums, so that tests can change it and write it again."""

import json
import re
from pathlib import Path
from typing import Any


def held_in(path: Path) -> Any:
    """The values of a JSON file; with its checksum they could not be changed."""
    values = json.loads(path.read_text())
    values.pop("sha256", None)
    return values


def content_text(page: Path) -> str:
    """What a report's page is made from, as it stands in the file."""
    found = re.search(
        r'<script type="application/json" id="content"[^>]*>(.*?)</script>', page.read_text("utf-8"), re.S
    )
    assert found is not None, page
    return found[1]
