"""The page around a report's content."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import zlib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from dyninf.atomic import atomic_file

PAGE = Path(__file__).resolve().parent / "page"
SCRIPTS = (
    "whole.js",
    "data.js",
    "style.js",
    "curves.js",
    "seeds.js",
    "grid.js",
    "details.js",
    "gallery.js",
    "runs.js",
    "main.js",
)
"""In the order in which they are read."""

POLICY = (
    "default-src 'none'; script-src {scripts}; style-src 'unsafe-inline'; img-src data: blob:; "
    "font-src 'none'; connect-src 'none'; base-uri 'none'; form-action 'none'"
)
"""What a browser lets the page do: run its own scripts, and nothing over a network."""


def write_page(content: Mapping[str, Any], path: Path) -> None:
    """Write what `Content.finished` gives as one HTML file.

    Names from outside are in it as data, and become text when the page is shown. The page holds the checksum
    of its content, and says at its top if that does not fit, or if the page ends before its end.
    """
    plotly_js = resources.files("plotly") / "package_data" / "plotly.min.js"
    scripts = {
        "plotly": plotly_js.read_text(encoding="utf-8").replace("</script", "<\\/script"),
        "script": "\n".join(['"use strict";', *((PAGE / name).read_text() for name in SCRIPTS)]),
    }
    text = _inside_html(content)
    parts = {
        "policy": POLICY.format(scripts=" ".join(map(_hash, scripts.values()))),
        "style": (PAGE / "style.css").read_text(),
        "content": text,
        "crc32": str(zlib.crc32(text.encode("ascii"))),
        **scripts,
    }
    # The template alone is searched for places, not what comes into them.
    pieces = re.split(r"{{(\w+)}}", (PAGE / "page.html").read_text())
    pieces[1::2] = [parts[name] for name in pieces[1::2]]
    with atomic_file(path) as new:
        new.write_text("".join(pieces), encoding="utf-8", newline="\n")


def _hash(script: str) -> str:
    """By which the page's policy knows a script; browsers read its line ends as line feeds."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"


def _inside_html(content: Mapping[str, Any]) -> str:
    """JSON that stays data wherever it stands in a page: without ``<``, ``>`` and ``&``."""
    text = json.dumps(
        _finite(content), ensure_ascii=True, allow_nan=False, separators=(",", ":"), default=str
    )
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")


def _finite(value: Any) -> Any:
    """The same without numbers that JSON does not know: they become null."""
    if isinstance(value, Mapping):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(one) for one in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
