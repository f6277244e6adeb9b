"""The clip of an upload, and what is checked before it may wait for the network."""

from __future__ import annotations

import logging
from pathlib import Path

import av
from torch import Tensor

from dyninf.data.container import VideoError, opened, packets_of
from dyninf.runtime import ClipFrames
from dyninf.service.limits import Limits
from dyninf.service.places import Place
from dyninf.service.refusal import Refusal

PLAYLISTS = frozenset({"concat", "dash", "hls", "imf"})
"""What libav calls formats that name other files: an upload must not have it read those of this machine."""

logger = logging.getLogger(__name__)


class UploadedClip:
    """A clip that keeps its place until it is closed, and an error about its video that nobody else sees.

    error: what `group` raised.
    """

    def __init__(self, clip: ClipFrames, place: Place) -> None:
        self.name = clip.name
        self.place = place
        self.error: Exception | None = None
        self._clip = clip
        self._closed = False

    def group(self, group: int) -> Tensor:
        """Raises ValueError or OSError for whatever goes wrong: a file may not end the service."""
        try:
            return self._clip.group(group)
        except Exception as error:
            self.error = error
            if isinstance(error, (ValueError, OSError)):
                raise
            logger.exception("a video could not be decoded")
            raise ValueError(f"{type(error).__name__}: {error}") from error

    def close(self) -> None:
        """May be called again."""
        if self._closed:
            return
        self._closed = True
        try:
            self._clip.close()
        except Exception:
            logger.exception("a video could not be closed")
        finally:
            self.place.close()


def check_video(file: Path, limits: Limits) -> None:
    """Raise Refusal if a file is no video (415), or longer or larger than is allowed (422). Decodes nothing.

    What the packets say counts, not the header, which may promise anything.
    """
    frames, first, last = 0, None, None
    try:
        with opened(file) as (container, stream):
            if container.format.name in PLAYLISTS:
                raise Refusal(415, "the video: is a list of other files, which are not opened")
            if stream.width * stream.height > limits.megapixels * 1e6:
                size = f"{stream.width} x {stream.height}"
                raise Refusal(
                    422, f"the video has pictures of {size} pixels; {limits.megapixels:g} million are taken"
                )
            for packet in packets_of(container, stream):
                frames += 1
                shown = packet.pts if packet.pts is not None else packet.dts
                if shown is not None and packet.time_base is not None:
                    seconds = float(shown * packet.time_base)
                    first = seconds if first is None else min(first, seconds)
                    last = seconds if last is None else max(last, seconds)
                if frames > limits.frames:
                    raise Refusal(422, f"the video has more than the {limits.frames} frames that it may")
            rate = float(stream.average_rate or stream.guessed_rate or 0)
    except VideoError as error:
        raise Refusal(415, reason_of(error)) from error
    except av.FFmpegError:
        return  # damaged further on; whether its frames can be read all the same is seen when they are
    if first is not None and last is not None:
        length = last - first
    else:
        length = frames / rate if rate else 0.0
    if length > limits.seconds:
        raise Refusal(422, f"the video lasts {length:.1f} s, more than the {limits.seconds:g} s that it may")


def reason_of(error: Exception) -> str:
    """What was wrong with a video, without the name of our file."""
    reason = error.reason if isinstance(error, VideoError) else str(error)
    return " ".join(f"the video: {reason}".split())


def refusal_of(clip: UploadedClip, reason: str) -> Refusal:
    """Why a clip got no answer: its video's fault, or `reason`, which the client is not told."""
    if isinstance(clip.error, VideoError):
        return Refusal(422, reason_of(clip.error))
    logger.error("no answer: %s", reason)
    return Refusal(500, "the video could not be answered, through no fault of its own")
