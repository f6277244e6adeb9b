"""Uploads that are watched on their way: a stream of events beside the queues, one clip at a time."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from dyninf.service.clients import unless_gone
from dyninf.service.limits import Limits
from dyninf.service.places import Places
from dyninf.service.refusal import Refusal
from dyninf.service.teller import Event, Teller
from dyninf.service.videos import UploadedClip, refusal_of

WAITING = 8
"""Videos that are being received, wait to be watched or are; a show, not the work of the service."""

SLACK = 5.0
"""Seconds that a client has to read its events, when they have come to their end."""

HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # proxies are not to wait for more of it
    "X-Content-Type-Options": "nosniff",
}

logger = logging.getLogger(__name__)


class Watching:
    """Answers requests with streams of server-sent events.

    teller: used in one thread. receive: the clip of a request's upload, on one of these places. check_open:
    raises Refusal where the service ends. folder: for uploads.
    """

    def __init__(
        self,
        teller: Teller,
        receive: Callable[[Request, Places], Awaitable[UploadedClip]],
        check_open: Callable[[], None],
        limits: Limits,
        folder: Path,
    ) -> None:
        self.teller = teller
        self.places = Places(min(WAITING, limits.queue), folder)
        self._receive, self._check_open, self._limits = receive, check_open, limits
        self._thread = ThreadPoolExecutor(1, "watching")
        self._numbers = itertools.count()

    def close(self) -> None:
        """Returns when the clip that is under way has been closed."""
        self._thread.shutdown()

    async def respond(self, request: Request) -> StreamingResponse:
        """The stream for an upload, once its first frames have been read: before that, whatever is wrong has
        a status. Raises Refusal, or ClientDisconnect where nobody waits any more.
        """
        end = asyncio.get_running_loop().time() + self._limits.time_limit
        try:
            async with asyncio.timeout_at(end):
                walk = _Walk(await self._receive(request, self.places))
                try:
                    walk.begin(self._thread, self.teller.tell(walk.clip, next(self._numbers)))
                    first = await unless_gone(walk.next(), request)
                    self._check_open()
                except BaseException:
                    walk.stop()
                    raise
        except TimeoutError:
            limit = self._limits.time_limit
            raise Refusal(503, f"there was no answer within {limit:g} s; come again later") from None
        return _Stream(walk, self._events(walk, first, end), end + SLACK)

    async def _events(self, walk: _Walk, first: Event | None, end: float) -> AsyncIterator[bytes]:
        yield _encoded(("grid", self.teller.grid))
        event = first
        try:
            while event is not None:
                yield _encoded(event)
                async with asyncio.timeout_at(end):
                    event = await walk.next()
                self._check_open()
        except TimeoutError:
            limit = self._limits.time_limit
            yield _encoded(("error", {"error": f"it was not done within {limit:g} s; come again later"}))
        except Refusal as refusal:
            yield _encoded(("error", {"error": refusal.message}))


class _Walk:
    """A clip's events on their way from the thread that makes them to the loop that sends them.

    It is made, and asked for events, in the loop. There are so few of them that all may wait.
    """

    def __init__(self, clip: UploadedClip) -> None:
        self.clip = clip
        self._loop = asyncio.get_running_loop()
        self._events: asyncio.Queue[Event | Refusal | None] = asyncio.Queue()
        self._is_over = threading.Event()
        self._running: Future[None] | None = None

    def begin(self, thread: ThreadPoolExecutor, events: Iterator[Event]) -> None:
        """Have the events made, and then the clip closed."""
        self._running = thread.submit(self._run, events)

    async def next(self) -> Event | None:
        """None behind the last one. Raises Refusal where the clip could not be taken further."""
        event = await self._events.get()
        if isinstance(event, Refusal):
            raise event
        return event

    def stop(self) -> None:
        """Nobody waits any more: the clip is dropped, if it is under way behind the part that runs now."""
        self._is_over.set()
        if self._running is None or self._running.cancel():
            self.clip.close()

    def _run(self, events: Iterator[Event]) -> None:
        try:
            for event in events:
                if self._is_over.is_set():
                    return
                self._put(event)
            self._put(None)
        except (ValueError, OSError) as error:
            self._put(refusal_of(self.clip, str(error)))
        except Exception:
            logger.exception("a video could not be watched")
            self._put(Refusal(500, "an error of the service"))
        finally:
            self.clip.close()

    def _put(self, event: Event | Refusal | None) -> None:
        with suppress(RuntimeError):  # the loop has ended, and with it whoever waited
            self._loop.call_soon_threadsafe(self._events.put_nowait, event)


class _Stream(StreamingResponse):
    """Events of a walk, which ends with the response. end: when the client must have read them, in the
    loop's time.
    """

    media_type = "text/event-stream"

    def __init__(self, walk: _Walk, events: AsyncIterator[bytes], end: float) -> None:
        super().__init__(events, headers=HEADERS)
        self._walk, self._end = walk, end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(self._end):
                    await super().__call__(scope, receive, send)
        finally:
            self._walk.stop()


def _encoded(event: Event) -> bytes:
    """As the format has it: JSON in ASCII has no line breaks."""
    name, data = event
    return f"event: {name}\ndata: {json.dumps(data, allow_nan=False)}\n\n".encode()
