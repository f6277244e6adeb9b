"""Arrays inside a page: compressed, as text, read by ``unpack`` of ``page/data.js``."""

from __future__ import annotations

import base64
import zlib
from typing import TypedDict

import numpy as np

TYPES = ("uint8", "uint16", "uint32", "float32")


class Packed(TypedDict):
    """type: one of `TYPES`, little-endian. shape: its values, row after row. data: zlib, in base64."""

    type: str
    shape: list[int]
    data: str


def packed(values: np.ndarray, kind: str) -> Packed:
    """An array as one of `TYPES`.

    Raises ValueError if a whole number does not fit into `kind`.
    """
    if kind != "float32":
        limit = np.iinfo(kind).max
        if values.size and not (values.min() >= 0 and values.max() <= limit):
            raise ValueError(f"values from {values.min()} to {values.max()} do not fit into {kind}")
    ready = np.ascontiguousarray(values, dtype=np.dtype(kind).newbyteorder("<"))
    return Packed(
        type=kind,
        shape=list(values.shape),
        data=base64.b64encode(zlib.compress(ready.tobytes(), 9)).decode("ascii"),
    )


def smallest(count: int) -> str:
    """The type for whole numbers below `count`."""
    return next(kind for kind in TYPES[:3] if count - 1 <= np.iinfo(kind).max)
