"""What happens to a request, from its first byte to its answer."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

from starlette.requests import ClientDisconnect, Request

from dyninf.data.container import VideoError
from dyninf.runtime import Answer, ClipFrames
from dyninf.service.limits import Limits
from dyninf.service.metrics import Metrics
from dyninf.service.refusal import Refusal
from dyninf.service.uploads import Upload
from dyninf.service.videos import Place, UploadedClip, check_video, reason_of
from dyninf.service.worker import Worker, WorkerEndedError

logger = logging.getLogger(__name__)


class Service:
    """Answers requests with a worker.

    clip_of: the clip of a file, which is not opened yet. describe: an answer without error as JSON.
    info: about the network, as JSON. folder: for uploads, each of which is deleted with its clip.
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
    ) -> None:
        self.worker, self.metrics, self.info, self.limits = worker, metrics, info, limits
        self.is_closing = False
        self._clip_of, self._describe, self._folder = clip_of, describe, folder
        self._places = threading.BoundedSemaphore(limits.queue)
        self._taken = 0
        self._count = threading.Lock()
        self._checks = ThreadPoolExecutor(1, "checks")
        metrics.watch(lambda: self._taken, lambda: worker.held_bytes)

    def close(self) -> None:
        """Stop, with those answered that wait."""
        self.is_closing = True
        self.worker.stop()
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
        self._check_open()
        headers = request.headers
        upload = Upload(headers.get("content-type"), headers.get("content-length"), self.limits)
        place = self._take_place()
        try:
            with open(place.file, "wb") as file:
                await upload.write(self._body(request), file)
            await asyncio.get_running_loop().run_in_executor(
                self._checks, check_video, place.file, self.limits
            )
            self._check_open()
            clip = UploadedClip(self._clip_of(place.file), place)
            future = self.worker.submit(clip)
        except BaseException:
            place.close()
            raise
        answer = await _wait(future, request)
        if answer.error is None:
            return self._describe(answer)
        if isinstance(clip.error, VideoError):
            raise Refusal(422, reason_of(clip.error))
        logger.error("no answer: %s", answer.error)
        raise Refusal(500, "the video could not be answered, through no fault of its own")

    def _check_open(self) -> None:
        if self.is_closing:
            raise Refusal(503, "the service is shutting down")
        if not self.worker.is_well:
            raise Refusal(503, "the network has stopped working")

    def _take_place(self) -> Place:
        """A place with an empty file, before the body is read: what comes cannot fill the disk."""
        if not self._places.acquire(blocking=False):
            raise Refusal(429, f"{self.limits.queue} videos wait already; come again later")
        with self._count:
            self._taken += 1
        try:
            with NamedTemporaryFile(dir=self._folder, prefix="upload-", delete=False) as file:
                return Place(Path(file.name), self._give_back)
        except BaseException:
            self._give_back()
            raise

    def _give_back(self) -> None:
        with self._count:
            self._taken -= 1
        self._places.release()

    async def _body(self, request: Request) -> AsyncIterator[bytes]:
        async for chunk in request.stream():
            if self.is_closing:
                raise Refusal(503, "the service is shutting down")
            yield chunk


async def _wait(future: Future[Answer], request: Request) -> Answer:
    """The answer; without one, the clip is dropped if it is not begun. Raises ClientDisconnect."""
    answer = asyncio.wrap_future(future)
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
