"""The one error that everything wrong with a video ends in."""

from __future__ import annotations

from pathlib import Path


class VideoError(ValueError):
    """A file cannot be used as a video. The message is one line: the path, then the reason."""

    def __init__(self, path: str | Path, reason: str) -> None:
        super().__init__(f"{_printable(str(path))}: {reason}")
        self.path = Path(path)
        self.reason = reason

    def __reduce__(self) -> tuple[type[VideoError], tuple[Path, str]]:
        # Exceptions are pickled by their message alone otherwise, and could not leave a worker process.
        return (type(self), (self.path, self.reason))


class VideoLimitError(VideoError):
    """The video may be fine, but is more than the limits let one be."""


class ReaderLostError(VideoError):
    """The process that read the video crashed, hung or ran out of memory."""


def _printable(text: str) -> str:
    """Without line breaks and the like, which a name in a list may have."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
