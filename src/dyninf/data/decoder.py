"""Reading chosen frames from an encoded video file.

Frame i is the i-th that decoding the whole file gives, in the order in which they are shown.
T frames asked for, H and W pixels, C = 3 colours in the order red, green, blue.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence, Set
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from types import TracebackType

import av
import numpy as np
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from dyninf.data.container import DEFAULT_LIMITS, opened, packets_of
from dyninf.data.indexed_frames import IndexedFrames, NotAsIndexed
from dyninf.data.limits import Limits
from dyninf.data.packet_index import PacketIndex, index_packets
from dyninf.data.picture import Painter
from dyninf.data.read_through import ReadThrough
from dyninf.data.video_error import VideoError

KEPT_BYTES = 256 * 2**20
"""Packets of a file up to this size stay in memory while it is open; those of a larger one are read again."""


@dataclass(frozen=True)
class VideoInfo:
    """What a video file holds.

    frames: number of frames; width, height: pixels of a picture as it is shown; seconds: duration;
    codec: libav's name of it, such as "h264"; fps: average frames per second.
    """

    frames: int
    width: int
    height: int
    seconds: float
    codec: str
    fps: float


def probe(path: str | Path) -> VideoInfo:
    """Describe the first video stream of a file; it is decoded only where its packets do not give the count.

    Raises:
        VideoError: the file is missing, empty, not a video, damaged, or has sound only.
    """
    with VideoReader(path) as reader:
        return reader.info()


def read_frames(path: str | Path, indices: Sequence[int]) -> np.ndarray:
    """Decode the frames with these indices, as `VideoReader.read` does."""
    with VideoReader(path) as reader:
        return reader.read(indices)


def decode_on_demand(path: str | Path, groups: Sequence[Sequence[int]]) -> Generator[np.ndarray]:
    """The frames of one group after the other, as `VideoReader.groups` gives them.

    The file is opened when the first group is asked for, and closed after the last, or when the generator is.
    """
    with VideoReader(path) as reader:
        yield from reader.groups(groups)


class VideoReader:
    """An open video file, to be used as a context and in one thread.

    Opening it reads its packets. Where they tell which frame is which, what is asked for is decoded from the
    key frame before it; otherwise, and where the decoder contradicts them, the file is read through.

    Raises:
        VideoError: the file is missing, empty, not a video, cut before its index, has sound only, or is more
            than the limits let it; that can also be seen later, where frames are read.
    """

    def __init__(
        self, path: str | Path, kept_bytes: int = KEPT_BYTES, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self.path = Path(path)
        self._limits = limits
        self._files = ExitStack()
        self._container, self._stream = self._files.enter_context(opened(path, limits))
        self._painter = Painter(self._stream.width, self._stream.height)
        self._packets: list[Packet] | None = None
        self._through: ReadThrough | None = None
        self._indexed: IndexedFrames | None = None
        try:
            index = self._index(keep=self.path.stat().st_size <= kept_bytes)
        except BaseException:
            self.close()
            raise
        self._count = index.frames
        if index.tells_frames:
            self._indexed = IndexedFrames(index, self._stream.codec_context, self._packets_from)

    def __enter__(self) -> VideoReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the file; what was read from it stays."""
        self._packets = self._indexed = self._through = None
        self._files.close()

    def count(self) -> int:
        """Number of frames. Raises VideoError where none can be decoded."""
        if self._count is None:
            self._through = self._through or self._from_the_start()
            self._count = self._through.count()
        if self._count == 0:
            raise self._too_few(0, 0)
        return self._count

    def rate(self) -> float | None:
        """Average frames a second; None where the file does not say."""
        return float(self._stream.average_rate or self._stream.guessed_rate or 0) or None

    def read(self, indices: Sequence[int]) -> np.ndarray:
        """Decode the frames with these indices; they may repeat and come in any order.

        Returns:
            uint8 array THWC in the order of `indices`.

        Raises:
            VideoError: the file ends before the largest index, or cannot be decoded so far.
            ValueError: no index, or a negative one.
        """
        return next(self.groups([indices]))

    def groups(self, groups: Sequence[Sequence[int]]) -> Generator[np.ndarray]:
        """Read one group of frames after the other, each as `read` does, when it is asked for.

        A frame of a later group that lies on the way is decoded then and kept, so that going through all
        groups decodes hardly more than reading them at once.
        """
        for indices in groups:
            if len(indices) == 0 or min(indices) < 0:
                raise ValueError(
                    f"frame indices must be 0 or larger, at least one of them; got {list(indices)}"
                )
        return self._groups(groups)

    def _groups(self, groups: Sequence[Sequence[int]]) -> Generator[np.ndarray]:
        for number, indices in enumerate(groups):
            later = {index for group in groups[number + 1 :] for index in group}
            yield self._pictures(indices, self._take(set(indices), later))

    def _pictures(self, indices: Sequence[int], frames: dict[int, VideoFrame]) -> np.ndarray:
        """uint8 THWC. Empties `frames`, so that each is freed when painted: large ones fill the memory."""
        frames_THWC = np.empty((0,), np.uint8)
        while frames:
            index, frame = frames.popitem()
            picture_HWC = self._painter.picture(frame)
            if frames_THWC.ndim == 1:
                frames_THWC = np.empty((len(indices), *picture_HWC.shape), np.uint8)
            if picture_HWC.shape != frames_THWC.shape[1:]:
                raise VideoError(self.path, "its pictures are to be turned in different ways")
            frames_THWC[[place for place, wanted in enumerate(indices) if wanted == index]] = picture_HWC
        return frames_THWC

    def info(self) -> VideoInfo:
        """Describe the video. Raises VideoError where no frame can be decoded."""
        height, width, _ = self.read([0])[0].shape
        frames, stream = self.count(), self._stream
        fps = self.rate() or 0.0
        if stream.duration and stream.time_base:
            seconds = float(stream.duration * stream.time_base)
        elif self._container.duration:
            seconds = self._container.duration / av.time_base
        else:
            seconds = frames / fps if fps else 0.0
        return VideoInfo(frames, width, height, seconds, stream.codec_context.name, fps)

    def _take(self, wanted: Set[int], later: Set[int]) -> dict[int, VideoFrame]:
        last = max(wanted)
        if self._indexed is not None:
            count = self.count()
            if last >= count:
                raise self._too_few(last, count)
            try:
                return self._indexed.take(wanted, {index for index in later if index < count})
            except MemoryError:
                raise
            except (NotAsIndexed, av.FFmpegError):
                self._indexed = None
        if self._through is None or not self._through.reaches(wanted):
            self._through = self._from_the_start()
        frames = self._through.take(wanted, later)
        if len(frames) < len(wanted):
            raise self._too_few(last, self._through.position)
        return frames

    def _too_few(self, last: int, decoded: int) -> VideoError:
        if decoded == 0:
            return VideoError(self.path, "no frame can be decoded; the file is truncated or damaged")
        promised = self._stream.frames
        of = f" of the {promised} that the file promises" if promised > decoded else ""
        return VideoError(
            self.path, f"frame {last} was asked for, but only {decoded} frames{of} can be decoded"
        )

    def _index(self, keep: bool) -> PacketIndex:
        packets: Iterable[Packet] = self._packets_in(self._container, self._stream)
        try:
            if keep:
                packets = self._packets = list(packets)
            return index_packets(packets, self._stream)
        except MemoryError:
            raise
        except av.FFmpegError:
            self._packets = None
            return PacketIndex()  # damaged: reading through names the place

    def _packets_in(self, container: InputContainer, stream: VideoStream) -> Iterator[Packet]:
        return self._limits.within(self.path, packets_of(container, stream))

    def _packets_from(self, number: int) -> Iterator[Packet]:
        if self._packets is not None:
            return islice(self._packets, number, None)
        return self._packets_of_the_file(number)

    def _packets_of_the_file(self, number: int) -> Iterator[Packet]:
        # By number rather than by time: seeking by time ends elsewhere in some formats.
        with opened(self.path, self._limits) as (container, stream):
            yield from islice(packets_of(container, stream), number, None)

    def _from_the_start(self) -> ReadThrough:
        packets = self._packets
        if packets is None or self._stream.codec_context.is_open:
            # A decoder that was used may order frames better than a fresh one, and then counts differently.
            self._files.close()
            self._container, self._stream = self._files.enter_context(opened(self.path, self._limits))
            packets_again = self._packets_in(self._container, self._stream)
            return ReadThrough(self._stream.codec_context, packets_again)
        return ReadThrough(self._stream.codec_context, iter(packets))
