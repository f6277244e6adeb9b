"""What clients get where there is no answer."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Mapping

from fastapi import Response
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from dyninf.service.refusal import Refusal

GONE = 499
"""What nginx calls a client that does not wait for its answer; it never gets to see it."""

logger = logging.getLogger(__name__)


def error_response(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """JSON with one field, `error`."""
    return JSONResponse({"error": message}, status, headers)


async def responded(response: Awaitable[Response]) -> Response:
    """The response, or that of whatever error comes instead."""
    try:
        return await response
    except Refusal as refusal:
        return error_response(refusal.status, refusal.message, refusal.headers)
    except ClientDisconnect:
        return error_response(GONE, "the client has gone")
    except Exception:
        logger.exception("a request failed")
        return error_response(500, "an error of the service")
