"""How much the service takes on, and how long it waits."""

from dataclasses import dataclass

from dyninf import data

MEBI = 2**20


@dataclass(frozen=True)
class Limits:
    """What is beyond one of these is refused; so memory and disk are bounded whatever clients send.

    queue: uploads that are being received, wait or run; one more is told to come again (429). Videos that are
        watched have at most eight places of their own (`watching.WAITING`).
    upload_mb: of a request's body, in 2^20 bytes (413). upload_seconds: for it to arrive (408).
    seconds, frames: of the video; megapixels: of its pictures, in 10^6 (422).
    time_limit: seconds from the beginning of a request to its answer, upload and waiting included (503).
    connections: that are open at a time; one more is closed with 503.
    """

    queue: int = 64
    upload_mb: float = 64.0
    upload_seconds: float = 30.0
    seconds: float = 300.0
    frames: int = 20_000
    megapixels: float = 9.0
    time_limit: float = 60.0
    connections: int = 512

    @property
    def of_videos(self) -> data.Limits:
        """Whoever opens a video holds it to these; uploads are small enough, and their length is told."""
        return data.Limits(None, None, self.frames, self.megapixels)

    @property
    def upload_bytes(self) -> int:
        return int(self.upload_mb * MEBI)
