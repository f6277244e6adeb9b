"""Waiting for clients that may not wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

from starlette.requests import ClientDisconnect, Request

T = TypeVar("T")


async def unless_gone(result: Awaitable[T], request: Request) -> T:
    """The result; without one, it is cancelled. Raises ClientDisconnect where the client goes before."""
    answer = asyncio.ensure_future(result)
    gone: asyncio.Future[None] = asyncio.ensure_future(_until_gone(request))
    try:
        await asyncio.wait((answer, gone), return_when=asyncio.FIRST_COMPLETED)  # type: ignore[type-var]
        if not answer.done():
            raise ClientDisconnect
        return answer.result()
    finally:
        gone.cancel()
        answer.cancel()


async def _until_gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
