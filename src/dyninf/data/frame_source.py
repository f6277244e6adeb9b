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

from dyninf.data.container import VideoError
from dyninf.data.decoder import VideoReader
from dyninf.data.torchcodec_reader import TorchcodecReader

# Extracted optical flow (flow_x_00001.jpg) often lies beside the frames.
_IMAGE = re.compile(r"(?:img_|image_|frame_)?(\d+)\.(?:jpe?g|png)", re.IGNORECASE)

Decoder = Literal["pyav", "torchcodec"]
"""What reads video files: PyAV, or torchcodec (extra `torchcodec`), which `torchcodec_reader` explains."""


class FrameReader(Protocol):
    """The frames of one open video, numbered from 0. All of it may raise VideoError."""

    def count(self) -> int:
        """Number of frames."""

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


def frame_source(path: Path, decoder: Decoder = "pyav") -> FrameSource:
    """The source of a video's path: its images for a folder, else a file's frames (also of a missing one)."""
    return ImageFolder(path) if os.path.isdir(path) else VideoFile(path, decoder)


@dataclass(frozen=True)
class VideoFile:
    """A file that the decoder reads."""

    path: Path
    decoder: Decoder = "pyav"

    def open(self) -> VideoReader | TorchcodecReader:
        return (TorchcodecReader if self.decoder == "torchcodec" else VideoReader)(self.path)

    def size(self) -> str:
        # A missing file is named when it is read; a fingerprint can do without it.
        return str(self.path.stat().st_size if os.path.exists(self.path) else -1)


@dataclass(frozen=True)
class ImageFolder:
    """JPEG or PNG files in the order of their numbers: 00001.jpg, img_00001.jpg, and the like."""

    path: Path

    @contextmanager
    def open(self) -> Iterator[ImageFolder]:
        """Itself: each image is opened when it is read."""
        yield self

    def count(self) -> int:
        if not self._images:
            raise VideoError(self.path, "the folder has no image called 00001.jpg, img_00001.jpg or the like")
        return len(self._images)

    def read(self, indices: Sequence[int]) -> np.ndarray:
        if len(indices) == 0 or min(indices) < 0:
            raise ValueError(f"frame indices must be 0 or larger, at least one of them; got {list(indices)}")
        if max(indices) >= self.count():
            raise VideoError(
                self.path, f"frame {max(indices)} was asked for, but the folder has {self.count()} images"
            )
        pictures = {index: _read_image(self._images[index]) for index in set(indices)}
        if len(shapes := {picture.shape for picture in pictures.values()}) > 1:
            sizes = ", ".join(f"{width}x{height}" for height, width, _ in sorted(shapes))
            raise VideoError(self.path, f"its images differ in size: {sizes}")
        return np.stack([pictures[index] for index in indices])

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


def _read_image(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as image:
            return np.asarray(image.convert("RGB"))
    # Pillow's own errors are OSErrors, but for these of damaged chunks and of absurd sizes.
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise VideoError(path, "cannot be read: not an image, or a truncated one") from error
