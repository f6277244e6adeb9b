"""Videos on disk as clips in memory.

B videos of a batch, Q views of a video (its clips, and R crops of each), T frames of a clip, C = 3 colours,
H and W pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from dyninf.data.container import DEFAULT_LIMITS
from dyninf.data.corruption import Corruption
from dyninf.data.fence import Fence
from dyninf.data.frame_source import Decoder, FrameReader, frame_source
from dyninf.data.limits import Limits
from dyninf.data.sampling import Sampling
from dyninf.data.training_order import Draw
from dyninf.data.video_error import VideoError
from dyninf.seeds import seeded

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

    video: (T, C, H, W) float32, or (Q, T, C, H, W) where it is tested in several views. `batch_of` makes of B
    of them one Clip: (B, …) float32, (B,) int64, list of B ids.
    """

    video: Tensor
    label: int
    video_id: str


def batch_of(clips: Sequence[Clip]) -> Clip:
    """B clips as one, with the colours innermost in memory as `ClipTransform` leaves them.

    The default collate alone would turn them in memory in the worker, and the network back again.
    """
    turned: Clip = default_collate([clip._replace(video=clip.video.movedim(-3, -1)) for clip in clips])
    return turned._replace(video=turned.video.movedim(-1, -3))


class VideoDataset(Dataset[Clip]):
    """Clips of labelled videos.

    Args:
        videos: the files or folders, in the order of the indices; opened when a clip is asked for.
        sampling: which frames make a clip.
        transform: uint8 frames THWC -> float32 TCHW, or RTCHW with R crops. Its randomness, like the
            sampling's, is to come from torch's global generator.
        train: one clip at a place for training; otherwise the same ones every time.
        clips: of a video, in testing. Views are in the order of clips, and of the crops of one clip.
        decoder: what reads files.
        corruption: of the frames as they are decoded, before the transform.
        seed: of what is random about a `Draw`: the same in every process, and another in each epoch.
        limits: of each video.
        fence: the folders that videos may lie in, links followed; None for any.
    """

    def __init__(
        self,
        videos: Sequence[Video],
        sampling: Sampling,
        transform: Callable[[np.ndarray], Tensor],
        train: bool = False,
        clips: int = 1,
        decoder: Decoder = "pyav",
        corruption: Corruption | None = None,
        seed: int = 0,
        limits: Limits = DEFAULT_LIMITS,
        fence: Fence | None = None,
    ) -> None:
        self.videos = list(videos)
        self.sampling = sampling
        self.transform = transform
        self.train = train
        self.clips = clips
        self.decoder: Decoder = decoder
        self.corruption = corruption
        self.seed = seed
        self.limits = limits
        self.fence = fence
        self._length: dict[Path, int] = {}

    def __len__(self) -> int:
        return len(self.videos)

    def __getitem__(self, index: int | Draw) -> Clip:
        """A clip; of a number alone, in training, another one every time.

        Raises VideoError, naming the file, where it cannot be read or is too short for the sampling.
        """
        if isinstance(index, Draw):
            with seeded("clip", self.seed, index.epoch, index.clip):
                return self._clip(index.clip)
        return self._clip(index)

    def _clip(self, index: int) -> Clip:
        video = self.videos[index]
        with frame_source(video.path, self.decoder, self.limits, self.fence).open() as reader:
            try:
                clips = self._choose(self._frames_of(video, reader))
            except VideoError:
                raise
            except ValueError as error:
                raise VideoError(video.path, str(error)) from error
            frames_THWC = reader.read([index for clip in clips for index in clip])  # of all clips at once
        if self.corruption is not None:
            frames_THWC = self.corruption(frames_THWC, video.video_id, len(clips))
        return Clip(_views(self.transform(frames_THWC), len(clips)), video.label, video.video_id)

    def _choose(self, length: int) -> list[list[int]]:
        return [self.sampling.train(length)] if self.train else self.sampling.test(length, self.clips)

    def _frames_of(self, video: Video, reader: FrameReader) -> int:
        if video.frames is not None:
            return video.frames
        # Some files have to be decoded to be counted; a worker does so once.
        if video.path not in self._length:
            self._length[video.path] = reader.count()
        return self._length[video.path]


def _views(video: Tensor, clips: int) -> Tensor:
    """From (T, C, H, W) or (R, T, C, H, W), with the frames of all clips in T, to one view or Q of them."""
    views = video.unflatten(-4, (clips, -1))
    if views.ndim == 6:
        views = views.transpose(0, 1).flatten(0, 1)
    return views[0] if len(views) == 1 else views
