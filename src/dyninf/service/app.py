"""The routes of the service."""

from __future__ import annotations

import time
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.exceptions import HTTPException

from dyninf.service.page_routes import add_page
from dyninf.service.responses import GONE, error_response, responded
from dyninf.service.service import Service
from dyninf.service.uploads import FIELD
from dyninf.version import __version__

STATUSES = {
    400: "no video, an empty one, or a form that cannot be read",
    408: "the upload was too slow",
    413: "the upload is too large",
    415: "not a video, or not sent as one",
    422: "a video that is damaged, too short for a clip, or too long",
    429: "too many wait already; Retry-After says when to come again",
    503: "no answer in time, or the service is shutting down",
}


def make_app(service: Service) -> FastAPI:
    """The application that answers with a service, whose worker runs."""
    app = FastAPI(title="dyninf", version=__version__)

    @app.post("/v1/predict", responses=_responses(), openapi_extra=_body())
    async def predict(request: Request) -> Response:
        """The class of a video, found as early as the policy allows."""
        begin, status = time.perf_counter(), GONE
        try:
            response = await responded(_answered(service, request))
            status = response.status_code
            return response
        finally:
            service.metrics.count_request(status, time.perf_counter() - begin)

    if service.watching is not None:
        add_page(app, service.watching, responses=_responses(), openapi_extra=_body())

    @app.get("/health")
    async def health() -> Response:
        """Whether videos are taken: 200, or 503."""
        if service.is_closing or not service.worker.is_well:
            reason = "shutting down" if service.is_closing else "the network has stopped working"
            return error_response(503, reason)
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
        return error_response(error.status_code, str(error.detail), error.headers)

    return app


async def _answered(service: Service, request: Request) -> Response:
    return JSONResponse(await service.answer(request))


def _responses() -> dict[int | str, dict[str, Any]]:
    return {status: {"description": text} for status, text in STATUSES.items()}


def _body() -> dict[str, Any]:
    """How to send a video, for the documentation at /docs."""
    binary = {"type": "string", "format": "binary"}
    form = {"type": "object", "required": [FIELD], "properties": {FIELD: binary}}
    content = {"multipart/form-data": {"schema": form}, "video/*": {"schema": binary}}
    return {"requestBody": {"required": True, "content": content}}
