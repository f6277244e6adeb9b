"""A decoded frame as an upright picture: H and W pixels, C = 3 colours in the order red, green, blue."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import numpy as np
from av.sidedata.sidedata import SideData
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter


class Painter:
    """Makes pictures of one size; a video whose size changes on the way is scaled to what it starts with."""

    def __init__(self, width: int, height: int) -> None:
        self._size = (width, height)
        self._reformatter = VideoReformatter()

    def picture(self, frame: VideoFrame) -> np.ndarray:
        """uint8 HWC, turned and mirrored as the file says that it is to be shown."""
        stored_HWC = self._reformatter.reformat(frame, *self._size, "rgb24").to_ndarray()
        return _upright(stored_HWC, frame)


def _upright(stored_HWC: np.ndarray, frame: VideoFrame) -> np.ndarray:
    """Apply the display matrix, in whole quarter turns.

    Source: libavutil/display.h. A stored point (p, q), to the right and down, is shown at x = a p + c q and
    y = b p + d q, where a, b are the first two of nine numbers, and c, d the fourth and fifth.
    """
    # PyAV declares one kind of side data of the many that there are.
    matrix = cast("Mapping[str, SideData]", frame.side_data).get("DISPLAYMATRIX")
    if matrix is None:
        return stored_HWC
    a, b, _, c, d, *_ = np.frombuffer(bytes(matrix), np.int32).tolist()
    lies_down = abs(b) + abs(c) > abs(a) + abs(d)
    shown_HWC = stored_HWC.swapaxes(0, 1) if lies_down else stored_HWC
    x, y = (c, b) if lies_down else (a, d)
    return np.ascontiguousarray(shown_HWC[:: -1 if y < 0 else 1, :: -1 if x < 0 else 1])
