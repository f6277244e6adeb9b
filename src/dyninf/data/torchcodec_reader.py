"""Reading chosen frames of a video file with torchcodec (extra `torchcodec`), numbered as `VideoReader` does.

T frames asked for, F frames of the file, H and W pixels, C = 3 colours in the order red, green, blue.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType

import av
import numpy as np

from dyninf.data.container import DEFAULT_LIMITS, opened, packets_of
from dyninf.data.decoder import VideoReader
from dyninf.data.limits import Limits
from dyninf.data.packet_index import index_packets

_NEEDS = "decoder=torchcodec needs "


def require_torchcodec() -> None:
    """ValueError that says what to install, where torchcodec or the FFmpeg libraries under it are missing."""
    try:
        from torchcodec import ffmpeg_major_version
    except ImportError:
        raise ValueError(
            f"{_NEEDS}the package torchcodec, which is not installed: pip install 'dyninf[torchcodec]'"
        ) from None
    if ffmpeg_major_version is None:
        raise ValueError(
            f"{_NEEDS}the shared libraries of FFmpeg 4 to 9 and a torch that fits torchcodec; they cannot be "
            "loaded: apt-get install ffmpeg, or the like of your system"
        )


class TorchcodecReader:
    """An open video file, to be used as a context and in one thread.

    torchcodec numbers frames by packets and seeks by time, which in some files leads elsewhere. So the file
    is indexed first, as `VideoReader` does it, and every frame from torchcodec has to have the time that the
    index gives it. VideoReader reads what is asked for where packets do not tell which frame is which, where
    torchcodec has other frames or fails, and where pictures are to be turned: torchcodec mirrors none.

    The limits hold for what the container says; pictures that grow on the way are torchcodec's own affair.

    by_torchcodec: whether all that was read so far came from torchcodec.

    Raises:
        VideoError: as VideoReader.
        ValueError: torchcodec or FFmpeg is missing.
    """

    def __init__(self, path: str | Path, limits: Limits = DEFAULT_LIMITS) -> None:
        require_torchcodec()
        from torchcodec.decoders import VideoDecoder

        self.path = Path(path)
        self._limits = limits
        self.by_torchcodec = False
        self._files = ExitStack()
        self._reader: VideoReader | None = None
        with opened(path, limits) as (container, stream):
            self._unit = float(stream.time_base or 0)  # seconds
            self._rate = float(stream.average_rate or stream.guessed_rate or 0) or None
            try:
                packets = limits.within(path, packets_of(container, stream))
                self._pts_F = index_packets(packets, stream).pts_F
            except av.FFmpegError:
                self._pts_F = ()  # damaged: VideoReader names the place
        if self._pts_F:
            try:
                # Data loader workers are the parallelism.
                self._decoder = VideoDecoder(str(path), dimension_order="NHWC", num_ffmpeg_threads=1)
                upright = self._decoder.metadata.rotation is None
                self.by_torchcodec = upright and len(self._decoder) == len(self._pts_F)
            except RuntimeError:  # a codec that the system's FFmpeg lacks
                self.by_torchcodec = False

    def __enter__(self) -> TorchcodecReader:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._files.close()

    def count(self) -> int:
        """As `VideoReader.count`."""
        return len(self._pts_F) if self.by_torchcodec else self._read_by_pyav().count()

    def rate(self) -> float | None:
        """As `VideoReader.rate`."""
        return self._rate

    def read(self, indices: Sequence[int]) -> np.ndarray:
        """As `VideoReader.read`; where libav scales colours up, pixels differ a little."""
        if self.by_torchcodec and len(indices) and min(indices) >= 0 and max(indices) < len(self._pts_F):
            frames_THWC = self._by_torchcodec(indices)
            if frames_THWC is not None:
                return frames_THWC
            self.by_torchcodec = False
        return self._read_by_pyav().read(indices)

    def groups(self, groups: Sequence[Sequence[int]]) -> Iterator[np.ndarray]:
        """The frames of each group, as `read` gives them, decoded when the group is asked for."""
        return (self.read(indices) for indices in groups)

    def _by_torchcodec(self, indices: Sequence[int]) -> np.ndarray | None:
        """The frames, or None where torchcodec has others or fails."""
        try:
            batch = self._decoder.get_frames_at(list(indices))
        except RuntimeError:
            return None
        due_T = self._unit * np.array([self._pts_F[index] for index in indices])
        if np.abs(batch.pts_seconds.numpy() - due_T).max() > self._unit / 2:
            return None
        return batch.data.numpy()

    def _read_by_pyav(self) -> VideoReader:
        if self._reader is None:
            self._reader = self._files.enter_context(VideoReader(self.path, limits=self._limits))
        return self._reader
