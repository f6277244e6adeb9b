"""The routes of the service."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from dyninf.service.refusal import Refusal
from dyninf.service.service import Service
from dyninf.service.uploads import FIELD
from dyninf.version import __version__

GONE = 499
"""What nginx calls a client that does not wait for its answer; it never gets to see it."""

STATUSES = {
    400: "no video, an empty one, or a form that cannot be read",
    408: "the upload was too slow",
    413: "the upload is too large",
    415: "not a video, or not sent as one",
    422: "a video that is damaged, too short for a clip, or too long",
    429: "too many wait already; Retry-After says when to come again",
    503: "no answer in time, or the service is shutting down",
}

logger = logging.getLogger(__name__)


def make_app(service: Service) -> FastAPI:
    """The application that answers with a service, whose worker runs."""
    app = FastAPI(title="dyninf", version=__version__)

    @app.post("/v1/predict", responses=_responses(), openapi_extra=_body())
    async def predict(request: Request) -> Response:
        """The class of a video, found as early as the policy allows."""
        begin, status = time.perf_counter(), GONE
        try:
            answer = await service.answer(request)
            status = 200
            return JSONResponse(answer)
        except Refusal as refusal:
            status = refusal.status
            return _error(status, refusal.message, refusal.headers)
        except ClientDisconnect:
            return _error(status, "the client has gone")
        except Exception:
            status = 500
            logger.exception("a request failed")
            return _error(status, "an error of the service")
        finally:
            service.metrics.count_request(status, time.perf_counter() - begin)

    @app.get("/health")
    async def health() -> Response:
        """Whether videos are taken: 200, or 503."""
        if service.is_closing or not service.worker.is_well:
            reason = "shutting down" if service.is_closing else "the network has stopped working"
            return _error(503, reason)
        return JSONResponse({"status": "ok"})

    @app.get("/metrics")
    async def metrics() -> Response:
        """In the format of Prometheus."""
        return Response(service.metrics.text(), media_type=CONTENT_TYPE_LATEST)

    @app.get("/v1/info")
    async def info() -> Response:
        """The network, its checkpoints and what they cost, the policy, the limits."""
        return JSONResponse(service.info)

    @app.exception_handler(HTTPException)
    async def refuse(request: Request, error: HTTPException) -> Response:
        return _error(error.status_code, str(error.detail), error.headers)

    return app


def _error(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    return JSONResponse({"error": message}, status, headers)


def _responses() -> dict[int | str, dict[str, Any]]:
    return {status: {"description": text} for status, text in STATUSES.items()}


def _body() -> dict[str, Any]:
    """How to send a video, for the documentation at /docs."""
    binary = {"type": "string", "format": "binary"}
    form = {"type": "object", "required": [FIELD], "properties": {FIELD: binary}}
    content = {"multipart/form-data": {"schema": form}, "video/*": {"schema": binary}}
    return {"requestBody": {"required": True, "content": content}}
