"""Videos on disk as clips in memory.

B clips, T frames of a clip, C = 3 colours, H and W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset

from dyninf.data.container import VideoError
from dyninf.data.frame_source import Decoder, FrameReader, frame_source
from dyninf.data.sampling import middle_frames, random_frames

Sampling = Literal["random", "middle"]

ENDINGS = frozenset(
    {".mp4", ".avi", ".mkv", ".mov", ".webm", ".mpg", ".mpeg", ".m4v", ".wmv", ".flv", ".3gp"}
)
"""Of video files, in lower case."""


class Video(NamedTuple):
    """A labelled file, or folder of images.

    video_id: unique in its data set, and independent of where the files lie;
    frames: their number where a list gives it; None asks the file.
    """

    path: Path
    label: int
    video_id: str
    frames: int | None = None


class Clip(NamedTuple):
    """What a network sees of a video.

    The default collate makes of B of them one Clip: (B, T, C, H, W) float32, (B,) int64, list of B ids.
    """

    video: Tensor
    label: int
    video_id: str


class VideoDataset(Dataset[Clip]):
    """Clips of `num_frames` frames, one frame from each of as many equal segments of the video.

    Args:
        videos: the files or folders, in the order of the indices; opened when a clip is asked for.
        num_frames: T.
        sampling: "random" frame of each segment (training) or its "middle" one (the same every time).
        transform: uint8 frames THWC -> float32 TCHW. Its randomness, like the sampling's, is to come from
            torch's global generator: it differs from epoch to epoch and worker to worker, and repeats
            with Lightning's seed.
        decoder: what reads files.
    """

    def __init__(
        self,
        videos: Sequence[Video],
        num_frames: int,
        sampling: Sampling,
        transform: Callable[[np.ndarray], Tensor],
        decoder: Decoder = "pyav",
    ) -> None:
        if sampling not in ("random", "middle"):
            raise ValueError(f"sampling must be 'random' or 'middle'; got {sampling!r}")
        self.videos = list(videos)
        self.num_frames = num_frames
        self.transform = transform
        self.decoder: Decoder = decoder
        self._choose = random_frames if sampling == "random" else middle_frames
        self._length: dict[Path, int] = {}

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, index: int) -> Clip:
        """Raises VideoError, naming the file, where it cannot be read or has fewer than T frames."""
        video = self.videos[index]
        with frame_source(video.path, self.decoder).open() as reader:
            try:
                chosen = self._choose(self._frames_of(video, reader), self.num_frames)
            except VideoError:
                raise
            except ValueError as error:
                raise VideoError(video.path, str(error)) from error
            frames_THWC = reader.read(chosen)
        return Clip(self.transform(frames_THWC), video.label, video.video_id)

    def _frames_of(self, video: Video, reader: FrameReader) -> int:
        if video.frames is not None:
            return video.frames
        # Some files have to be decoded to be counted; a worker does so once.
        if video.path not in self._length:
            self._length[video.path] = reader.count()
        return self._length[video.path]
