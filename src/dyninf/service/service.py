"""What happens to a request, from its first byte to its answer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from starlette.requests import Request

from dyninf import data
from dyninf.runtime import Answer, ClipFrames
from dyninf.service.clients import unless_gone
from dyninf.service.limits import Limits
from dyninf.service.metrics import Metrics
from dyninf.service.places import Places
from dyninf.service.refusal import Refusal
from dyninf.service.teller import Teller
from dyninf.service.uploads import Upload
from dyninf.service.videos import Measure, UploadedClip, check_video, refusal_of
from dyninf.service.watching import Watching
from dyninf.service.worker import Worker, WorkerEndedError


class Service:
    """Answers requests with a worker.

    clip_of: the clip of a file, which is not opened yet. measure: what opens a file to look at it, before its
    clip waits. describe: an answer without error as JSON.
    info: about the network, as JSON. folder: for uploads, each of which is deleted with its clip.
    teller: for the page on which clips are watched; None for none.
    """

    def __init__(
        self,
        worker: Worker,
        clip_of: Callable[[Path], ClipFrames],
        describe: Callable[[Answer], Mapping[str, Any]],
        metrics: Metrics,
        info: Mapping[str, Any],
        limits: Limits,
        folder: Path,
        teller: Teller | None = None,
        measure: Measure = data.measure,
    ) -> None:
        self._measure = measure
        self.worker, self.metrics, self.info, self.limits = worker, metrics, info, limits
        self.is_closing = False
        self._clip_of, self._describe = clip_of, describe
        self._places = Places(limits.queue, folder)
        self._checks = ThreadPoolExecutor(1, "checks")
        self.watching = (
            None if teller is None else Watching(teller, self.receive, self.check_open, limits, folder)
        )
        metrics.watch(self._taken, lambda: worker.held_bytes)

    def close(self) -> None:
        """Stop, with those answered that wait."""
        self.is_closing = True
        self.worker.stop()
        if self.watching is not None:
            self.watching.close()
        self._checks.shutdown()

    async def answer(self, request: Request) -> Mapping[str, Any]:
        """The answer to an upload. Raises Refusal, or ClientDisconnect where nobody waits for it any more."""
        try:
            async with asyncio.timeout(self.limits.time_limit):
                return await self._answer(request)
        except TimeoutError:
            limit = self.limits.time_limit
            raise Refusal(503, f"there was no answer within {limit:g} s; come again later") from None
        except WorkerEndedError as error:
            raise Refusal(500, "the network has stopped working") from error

    async def _answer(self, request: Request) -> Mapping[str, Any]:
        clip = await self.receive(request, self._places)
        answer = await unless_gone(asyncio.wrap_future(self.worker.submit(clip)), request)
        if answer.error is None:
            return self._describe(answer)
        raise refusal_of(clip, answer.error)

    async def receive(self, request: Request, places: Places) -> UploadedClip:
        """The clip of an upload that was checked, on one of these places, which it gives back when closed.

        Raises Refusal, or ClientDisconnect.
        """
        self.check_open()
        headers = request.headers
        upload = Upload(headers.get("content-type"), headers.get("content-length"), self.limits)
        place = places.take()
        try:
            with open(place.file, "wb") as file:
                await upload.write(self._body(request), file)
            await asyncio.get_running_loop().run_in_executor(
                self._checks, check_video, place.file, self.limits, self._measure
            )
            self.check_open()
            return UploadedClip(self._clip_of(place.file), place)
        except BaseException:
            place.close()
            raise

    def check_open(self) -> None:
        """Raise Refusal if no videos are taken any more."""
        if self.is_closing:
            raise Refusal(503, "the service is shutting down")
        if not self.worker.is_well:
            raise Refusal(503, "the network has stopped working")

    def _taken(self) -> int:
        return self._places.taken + (0 if self.watching is None else self.watching.places.taken)

    async def _body(self, request: Request) -> AsyncIterator[bytes]:
        async for chunk in request.stream():
            if self.is_closing:
                raise Refusal(503, "the service is shutting down")
            yield chunk
