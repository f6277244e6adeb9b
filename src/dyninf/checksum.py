"""Checksums that files of dyninf carry inside them: SHA-256 in hex digits.

A file from before there were checksums has none and is read as it is.
"""

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

KEY = "sha256"
_IN_A_LINE = re.compile(r"# dyninf sha256 ([0-9a-f]{64})\n")
_IN_A_COMMENT = re.compile(rb"dyninf sha256 ([0-9a-f]{64})\Z")
_COMMENT = len(b"dyninf sha256 ") + 64
_CHUNK = 1 << 20
CHANGED = "it is torn, or was changed after it was written: its checksum does not fit"


def sha256_of(path: Path) -> str:
    """Of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sealed(values: Mapping[str, Any]) -> dict[str, Any]:
    """Values for a JSON file with the checksum of all of them as a further entry."""
    read = json.loads(json.dumps(values))  # as it will be: keys are strings there, and sorted as such
    return {**values, KEY: _of_values(read)}


def unsealed(values: Any) -> Any:
    """What a JSON file holds without its checksum; ValueError if that does not fit."""
    if not isinstance(values, dict) or KEY not in values:
        return values
    own = {name: value for name, value in values.items() if name != KEY}
    if values[KEY] != _of_values(own):
        raise ValueError(f"{CHANGED} (whoever changes it by hand takes its {KEY} entry out)")
    return own


def sealed_text(text: str) -> str:
    """A text with its checksum in a first line that is a comment in YAML."""
    return f"# dyninf sha256 {hashlib.sha256(text.encode()).hexdigest()}\n{text}"


def unsealed_text(text: str) -> str:
    """What `sealed_text` was given; ValueError if the checksum does not fit."""
    found = _IN_A_LINE.match(text)
    if found is None:
        return text
    own = text[found.end() :]
    if hashlib.sha256(own.encode()).hexdigest() != found[1]:
        raise ValueError(f"{CHANGED} (whoever changes it by hand takes its first line out)")
    return own


def seal_zip(path: Path) -> None:
    """Put the checksum of a zip file without a comment into its comment, as which every reader knows it."""
    with path.open("r+b") as file:
        digest = _without_comment(file, path.stat().st_size)
        file.seek(-2, 2)  # the length of the comment, which ends the file
        file.write(_COMMENT.to_bytes(2, "little") + f"dyninf sha256 {digest}".encode())


def check_zip(path: Path) -> None:
    """Raise ValueError if the checksum of a sealed zip file does not fit."""
    size = path.stat().st_size
    with path.open("rb") as file:
        if size < _COMMENT:
            return
        file.seek(size - _COMMENT)
        found = _IN_A_COMMENT.match(file.read())
        if found is None:
            return
        file.seek(0)
        if _without_comment(file, size - _COMMENT).encode() != found[1]:
            raise ValueError(CHANGED)


def _of_values(values: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _without_comment(file: IO[bytes], size: int) -> str:
    """The checksum of the first `size` bytes as they are where the zip file has no comment."""
    digest, left = hashlib.sha256(), size - 2
    while left > 0:
        piece = file.read(min(left, _CHUNK))
        if not piece:
            break
        digest.update(piece)
        left -= len(piece)
    digest.update(b"\0\0")
    return digest.hexdigest()
