"""The one error that every request that gets no answer ends in."""

from __future__ import annotations

RETRY_SECONDS = 1


class Refusal(Exception):
    """Why a request gets no answer: the HTTP status, and a message for the client."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    @property
    def headers(self) -> dict[str, str]:
        """That come with the status."""
        return {"Retry-After": str(RETRY_SECONDS)} if self.status in (429, 503) else {}
