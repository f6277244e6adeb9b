"""The clip of an upload, and what is checked before it may wait for the network."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from torch import Tensor

from dyninf import data
from dyninf.data import Measured, ReaderLostError, VideoError, VideoLimitError
from dyninf.data.clip_frames import Permutation
from dyninf.runtime import ClipFrames
from dyninf.service.limits import Limits
from dyninf.service.places import Place
from dyninf.service.refusal import Refusal

Measure = Callable[[Path, data.Limits], Measured]
"""What a file holds, within limits; raises VideoError."""

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


def clips_by(
    source_of: Callable[[Path], data.FrameSource], datamodule: data.VideoDataModule, permutation: Permutation
) -> Callable[[Path], ClipFrames]:
    """What makes the clip of a file, which opens nothing yet.

    source_of: where the frames of a video come from. datamodule: whose sampling and transform are used.
    """

    def clip_of(path: Path) -> ClipFrames:
        how = datamodule.sampling, permutation, datamodule.test_transform
        return data.VideoClip(path, *how, source=source_of(path))

    return clip_of


def check_video(file: Path, limits: Limits, measure: Measure) -> None:
    """Raise Refusal if a file is no video (415), or longer or larger than is allowed (422). Decodes nothing.

    measure: what opens it.
    """
    try:
        found = measure(file, limits.of_videos)
    except (VideoLimitError, ReaderLostError) as error:
        raise Refusal(422, reason_of(error)) from error
    except VideoError as error:
        raise Refusal(415, reason_of(error)) from error
    if found.whole and found.seconds > limits.seconds:
        raise Refusal(
            422, f"the video lasts {found.seconds:.1f} s, more than the {limits.seconds:g} s that it may"
        )


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
