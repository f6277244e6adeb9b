"""The page around a report's content."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

from dyninf.atomic import atomic_file

PAGE = Path(__file__).resolve().parent / "page"
SCRIPTS = (
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
    "default-src 'none'; script-src 'unsafe-inline'; style-src 'unsafe-inline'; img-src data: blob:; "
    "font-src 'none'; connect-src 'none'; base-uri 'none'; form-action 'none'"
)
"""What a browser lets the page do: nothing over a network."""


def write_page(content: Mapping[str, Any], path: Path) -> None:
    """Write what `Content.finished` gives as one HTML file.

    Names from outside are in it as data, and become text when the page is shown.
    """
    plotly_js = resources.files("plotly") / "package_data" / "plotly.min.js"
    scripts = "\n".join((PAGE / name).read_text() for name in SCRIPTS)
    parts = {
        "policy": POLICY,
        "style": (PAGE / "style.css").read_text(),
        "content": _inside_html(content),
        "plotly": plotly_js.read_text(encoding="utf-8").replace("</script", "<\\/script"),
        "script": scripts,
    }
    page = (PAGE / "page.html").read_text()
    for name, text in parts.items():
        before, mark, after = page.partition("{{" + name + "}}")
        assert mark, name
        page = before + text + after
    with atomic_file(path) as new:
        new.write_text(page, encoding="utf-8")


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
