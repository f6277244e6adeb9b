"""How much a video may be: what is beyond is refused before time or memory is taken for it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dyninf.data.video_error import VideoLimitError

if TYPE_CHECKING:
    from av.packet import Packet

MEBI = 2**20


@dataclass(frozen=True)
class Limits:
    """The most that a video may have; None: as much as it likes.

    max_megabytes: of a file, or of each image of a folder, in 2^20 bytes.
    max_seconds: from its first frame to its last, by the times in the file; images have none.
    max_frames: of a file or a folder, asked for or not.
    max_megapixels: of a picture, in 10^6, also where its size changes on the way.

    Raises ValueError for a limit that is no number, negative, or infinite.
    """

    max_megabytes: float | None = 4096
    max_seconds: float | None = 14_400
    max_frames: int | None = 1_000_000
    max_megapixels: float | None = 16.8

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, (int, float)) or not value >= 0:
                raise ValueError(f"{field.name} must be a number of at least 0, or null; got {value!r}")
            if value == math.inf:
                raise ValueError(f"{field.name} must be a finite number, or null for any; got {value!r}")

    @classmethod
    def of(cls, settings: Limits | Mapping[str, Any] | None) -> Limits:
        """From settings by their names: those left out are as above, and None is no limit at all.

        Raises ValueError for a name that is no limit's.
        """
        if isinstance(settings, Limits):
            return settings
        names = [field.name for field in fields(cls)]
        if settings is None:
            return cls(**dict.fromkeys(names))
        if not isinstance(settings, Mapping):
            raise ValueError(f"limits must be a mapping with {', '.join(names)}, or null; got {settings!r}")
        if unknown := [str(name) for name in settings if name not in names]:
            raise ValueError(f"limits has no {', '.join(unknown)}; it has {', '.join(names)}")
        return cls(**settings)

    @property
    def pixels(self) -> int | None:
        """Of a picture."""
        return None if self.max_megapixels is None else int(self.max_megapixels * 1e6)

    def check_bytes(self, path: str | Path, size: int) -> None:
        """Raise VideoLimitError where a file is larger."""
        if self.max_megabytes is not None and size > self.max_megabytes * MEBI:
            raise _beyond(path, f"is {size / MEBI:.1f} MB large", "max_megabytes", self.max_megabytes)

    def check_picture(self, path: str | Path, width: int, height: int) -> None:
        """Raise VideoLimitError where a picture of this size, in pixels, is larger."""
        if self.pixels is not None and width * height > self.pixels:
            size = f"declares pictures of {width} x {height} pixels"
            raise _beyond(path, size, "max_megapixels", self.max_megapixels)

    def check_frames(self, path: str | Path, frames: int) -> None:
        """Raise VideoLimitError where there are more frames."""
        if self.max_frames is not None and frames > self.max_frames:
            raise _beyond(path, "has more frames", "max_frames", self.max_frames)

    def check_seconds(self, path: str | Path, seconds: float) -> None:
        """Raise VideoLimitError where that is longer."""
        if self.max_seconds is not None and seconds > self.max_seconds:
            raise _beyond(path, f"lasts {seconds:.1f} s or more", "max_seconds", self.max_seconds)

    def within(self, path: str | Path, packets: Iterable[Packet]) -> Iterator[Packet]:
        """The packets of a video, until there are more of them, or further apart, than it may have.

        What the packets say counts: a header may promise anything.
        """
        unit, first, last = 0.0, None, 0
        for number, packet in enumerate(packets, start=1):
            self.check_frames(path, number)
            shown = packet.pts if packet.pts is not None else packet.dts
            if shown is not None:
                if first is None:
                    unit, first, last = float(packet.time_base or 0), shown, shown
                first, last = min(first, shown), max(last, shown)
                self.check_seconds(path, (last - first) * unit)
            yield packet


def _beyond(path: str | Path, what: str, setting: str, value: float | None) -> VideoLimitError:
    return VideoLimitError(path, f"{what}, more than {setting}={value:g} lets it")
