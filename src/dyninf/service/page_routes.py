"""The page on which videos are watched, and what it asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from dyninf.service.responses import responded
from dyninf.service.watching import Watching

FOLDER = Path(__file__).parent / "page"

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}

POLICY = (
    "default-src 'self'; img-src 'self' data: blob:; object-src 'none'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'"
)
"""Nothing from elsewhere, and no script in what is not a file of ours."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-cache",  # another release may have another page
}


def add_page(app: FastAPI, watching: Watching, **upload: Any) -> None:
    """Serve the page at /. upload: how the documentation describes a request with a video."""

    @app.post("/v1/watch", **upload)
    async def watch(request: Request) -> Response:
        """A video on its way through the grid, as server-sent events: `grid`, then `frames`, `cell` and
        `checkpoint` as they come, `answer` where it leaves, further ones for comparison, and `full`; or
        `error`.
        """
        return await responded(watching.respond(request))

    @app.get("/v1/grid")
    async def grid() -> Response:
        """The network as the page draws it: groups, stages, cells in the order of the route, checkpoints."""
        return JSONResponse(watching.teller.grid)

    for file in sorted(FOLDER.iterdir()):
        if file.suffix in TYPES:
            _add_file(app, "/" if file.name == "index.html" else f"/page/{file.name}", file)


def _add_file(app: FastAPI, path: str, file: Path) -> None:
    content, kind = file.read_bytes(), TYPES[file.suffix]

    @app.get(path, include_in_schema=False)
    async def page_file() -> Response:
        return Response(content, media_type=kind, headers=HEADERS)
