"""Connections that may not stay half-open."""

from __future__ import annotations

import asyncio
from typing import Any

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol


def punctual(seconds: float) -> type[H11Protocol]:
    """A protocol for uvicorn that closes a connection whose request is not there in full after so long.

    It counts from the connection, or the first byte of a later request. uvicorn itself waits for ever for
    headers, and for the rest of a body that was refused.
    """

    class Punctual(H11Protocol):
        _alarm: asyncio.TimerHandle | None = None

        def connection_made(self, transport: Any) -> None:
            super().connection_made(transport)
            self._set(True)

        def data_received(self, data: bytes) -> None:
            super().data_received(data)
            begun = self.conn.their_state is h11.IDLE and bool(self.conn.trailing_data[0])
            self._set(begun or self.conn.their_state is h11.SEND_BODY)

        def connection_lost(self, exc: Exception | None) -> None:
            self._set(False)
            super().connection_lost(exc)

        def _set(self, waits: bool) -> None:
            if waits and self._alarm is None:
                self._alarm = self.loop.call_later(seconds, self.transport.abort)
            elif not waits and self._alarm is not None:
                self._alarm.cancel()
                self._alarm = None

    return Punctual
