"""Uploads: from the body of a request into a file, as they come, within limits."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import BinaryIO

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from dyninf.service.limits import Limits
from dyninf.service.refusal import Refusal

FIELD = "video"
ACCEPTED = f"send multipart/form-data with a file {FIELD!r}, or the file itself as video/mp4 or the like"


class Upload:
    """What the headers of a request say of its body.

    content_type, content_length: the headers; None where there is none.

    Raises Refusal if that is nothing that could be taken: 400, 413 or 415.
    """

    def __init__(self, content_type: str | None, content_length: str | None, limits: Limits) -> None:
        self._limits = limits
        length = int(content_length) if content_length and content_length.isdecimal() else None
        if length == 0 or (content_type is None and length is None):
            raise Refusal(400, f"there is no video in the request: {ACCEPTED}")
        kind, options = parse_options_header(content_type)
        self._boundary = options.get(b"boundary")
        is_form = kind == b"multipart/form-data"
        if not is_form and not kind.startswith(b"video/") and kind != b"application/octet-stream":
            raise Refusal(415, f"content type {kind.decode('latin-1') or 'unknown'} is not taken: {ACCEPTED}")
        if is_form and not self._boundary:
            raise Refusal(400, "the form has no boundary")
        if not is_form:
            self._boundary = None
        if length is not None and length > limits.upload_bytes:
            raise self._too_large()

    async def write(self, body: AsyncIterator[bytes], file: BinaryIO) -> None:
        """Write the video of a body to a file.

        Raises Refusal: 400 if there is none, 413 if it is too large, 408 if it takes too long.
        """
        try:
            async with asyncio.timeout(self._limits.upload_seconds):
                await self._write(body, file)
        except TimeoutError:
            limit = self._limits.upload_seconds
            raise Refusal(408, f"the upload took longer than the {limit:g} s that it may") from None
        if file.tell() == 0:
            raise Refusal(400, "the video is empty (0 bytes)")

    async def _write(self, body: AsyncIterator[bytes], file: BinaryIO) -> None:
        form = None if self._boundary is None else _Form(self._boundary, file)
        received = 0
        async for chunk in body:
            received += len(chunk)
            if received > self._limits.upload_bytes:
                raise self._too_large()
            # Some kilobytes, into memory of the system: handing them to a thread would take longer.
            if form is None:
                file.write(chunk)
            else:
                form.take(chunk)
        if form is not None:
            form.check()

    def _too_large(self) -> Refusal:
        return Refusal(413, f"the upload is larger than the {self._limits.upload_mb:g} MB that it may be")


class _Form:
    """Writes the one file of a form; other fields are passed over."""

    def __init__(self, boundary: bytes, file: BinaryIO) -> None:
        self._file = file
        self._header = self._value = b""
        self._is_video = self._found = self._ended = False
        try:
            self._parser = MultipartParser(
                boundary,
                {
                    "on_part_begin": self._begin,
                    "on_header_field": self._read_header,
                    "on_header_value": self._read_value,
                    "on_header_end": self._end_header,
                    "on_part_data": self._write,
                    "on_end": self._end,
                },
            )
        except FormParserError as error:
            raise _malformed(error) from error

    def take(self, chunk: bytes) -> None:
        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise _malformed(error) from error

    def check(self) -> None:
        """Raise Refusal if the form was cut off, or had no video."""
        if not self._ended:
            raise Refusal(400, "the form is cut off before its end")
        if not self._found:
            raise Refusal(400, f"the form has no file {FIELD!r}")

    def _begin(self) -> None:
        self._is_video = False
        self._header = self._value = b""

    def _read_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _read_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            _, options = parse_options_header(self._value)
            if options.get(b"name") == FIELD.encode():
                if self._found:
                    raise Refusal(400, f"the form has more than one file {FIELD!r}; send one at a time")
                self._is_video = self._found = True
        self._header = self._value = b""

    def _write(self, data: bytes, start: int, end: int) -> None:
        if self._is_video:
            self._file.write(data[start:end])

    def _end(self) -> None:
        self._ended = True


def _malformed(error: FormParserError) -> Refusal:
    return Refusal(400, f"the form cannot be read: {' '.join(str(error).split())}")
