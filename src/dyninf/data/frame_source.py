"""Where the frames of a video come from: an encoded file, or a folder of images.

T frames asked for, H and W pixels, C = 3 colours in the order red, green, blue.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal, Protocol

import numpy as np
from PIL import Image

from dyninf.data.container import DEFAULT_LIMITS, size_of_file
from dyninf.data.decoder import VideoReader
from dyninf.data.fence import Fence
from dyninf.data.limits import Limits
from dyninf.data.torchcodec_reader import TorchcodecReader
from dyninf.data.video_error import VideoError

# Extracted optical flow (flow_x_00001.jpg) often lies beside the frames.
_IMAGE = re.compile(r"(?:img_|image_|frame_)?(\d+)\.(?:jpe?g|png)", re.IGNORECASE)

# Of what Pillow knows, these alone: some of its other formats have programs of the machine draw them.
_FORMATS = ("JPEG", "PNG", "WEBP", "BMP")

Decoder = Literal["pyav", "torchcodec"]
"""What reads video files: PyAV, or torchcodec (extra `torchcodec`), which `torchcodec_reader` explains."""


class FrameReader(Protocol):
    """The frames of one open video, numbered from 0. All of it may raise VideoError."""

    def count(self) -> int:
        """Number of frames."""

    def rate(self) -> float | None:
        """Average frames a second; None where none is known."""

    def read(self, indices: Sequence[int]) -> np.ndarray:
        """These frames as uint8 THWC, in the order of `indices`; ValueError for none, or a negative one."""

    def groups(self, groups: Sequence[Sequence[int]]) -> Iterator[np.ndarray]:
        """The frames of each group, as `read` gives them, decoded when the group is asked for."""


class FrameSource(Protocol):
    """Where the frames of one video come from. Making one opens nothing."""

    def open(self) -> AbstractContextManager[FrameReader]:
        """Open the video, once for all that is asked of it; VideoError where it cannot be."""

    def size(self) -> str:
        """What tells a changed source from an unchanged one without decoding; "-1" where there is none."""


def frame_source(
    path: Path, decoder: Decoder = "pyav", limits: Limits = DEFAULT_LIMITS, fence: Fence | None = None
) -> FrameSource:
    """The source of a video's path: its images for a folder, else a file's frames (also of a missing one).

    fence: the folders that what is opened may lie in; None for any.
    """
    if os.path.isdir(path):
        return ImageFolder(path, limits, fence)
    return VideoFile(path, decoder, limits, fence)


@dataclass(frozen=True)
class VideoFile:
    """A file that the decoder reads."""

    path: Path
    decoder: Decoder = "pyav"
    limits: Limits = DEFAULT_LIMITS
    fence: Fence | None = None

    def open(self) -> VideoReader | TorchcodecReader:
        if self.fence is not None:
            self.fence.check_opened(self.path)
        reader = TorchcodecReader if self.decoder == "torchcodec" else VideoReader
        return reader(self.path, limits=self.limits)

    def size(self) -> str:
        # A missing file is named when it is read; a fingerprint can do without it.
        return str(self.path.stat().st_size if os.path.exists(self.path) else -1)


@dataclass(frozen=True)
class ImageFolder:
    """JPEG or PNG files in the order of their numbers: 00001.jpg, img_00001.jpg, and the like.

    What they hold may be WebP or BMP as well; limits are those of each file, but for the number of frames.
    """

    path: Path
    limits: Limits = DEFAULT_LIMITS
    fence: Fence | None = None

    @contextmanager
    def open(self) -> Iterator[ImageFolder]:
        """Itself: each image is opened when it is read."""
        yield self

    def count(self) -> int:
        if not self._images:
            raise VideoError(self.path, "the folder has no image called 00001.jpg, img_00001.jpg or the like")
        self.limits.check_frames(self.path, len(self._images))
        return len(self._images)

    def rate(self) -> None:
        """Images have none."""

    def read(self, indices: Sequence[int]) -> np.ndarray:
        if len(indices) == 0 or min(indices) < 0:
            raise ValueError(f"frame indices must be 0 or larger, at least one of them; got {list(indices)}")
        if max(indices) >= self.count():
            raise VideoError(
                self.path, f"frame {max(indices)} was asked for, but the folder has {self.count()} images"
            )
        pictures = {index: self._picture(self._images[index]) for index in set(indices)}
        if len(shapes := {picture.shape for picture in pictures.values()}) > 1:
            sizes = ", ".join(f"{width}x{height}" for height, width, _ in sorted(shapes))
            raise VideoError(self.path, f"its images differ in size: {sizes}")
        return np.stack([pictures[index] for index in indices])

    def _picture(self, image: Path) -> np.ndarray:
        if self.fence is not None:
            self.fence.check_opened(image)
        return _read_image(image, self.limits)

    def groups(self, groups: Sequence[Sequence[int]]) -> Iterator[np.ndarray]:
        return (self.read(indices) for indices in groups)

    def ending(self) -> str:
        """That of the first image, such as "jpg"."""
        return self._images[0].suffix.removeprefix(".").lower()

    def size(self) -> str:
        # Asking every image of every video would take minutes where there are millions.
        first = self._images[0].stat().st_size if self._images else -1
        return f"{len(self._images)} images, the first {first}"

    @cached_property
    def _images(self) -> list[Path]:
        numbered = ((_IMAGE.fullmatch(path.name), path) for path in self.path.iterdir())
        return [path for _, path in sorted((int(match[1]), path) for match, path in numbered if match)]


def _read_image(path: Path, limits: Limits) -> np.ndarray:
    limits.check_bytes(path, size_of_file(path))
    try:
        with Image.open(path, formats=_FORMATS) as image:  # reads the header alone
            limits.check_picture(path, *image.size)
            return np.asarray(image.convert("RGB"))
    except VideoError:
        raise
    except Image.DecompressionBombError as error:
        raise VideoError(path, f"declares far more pixels than a picture has: {error}") from error
    # Pillow's own errors are OSErrors, but for these of damaged chunks.
    except (OSError, SyntaxError, ValueError) as error:
        raise VideoError(path, "cannot be read: not an image, or a truncated one") from error
