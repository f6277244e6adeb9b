"""Arrays in ``.npy`` files, read without trust."""

from pathlib import Path
from tokenize import TokenError

import numpy as np
from numpy.lib import format as npy


def load_array(path: Path, mapped: bool = False) -> np.ndarray:
    """The numbers in a file; no pickle in it is read, and no more memory taken than the file has bytes.

    mapped: from the disk, read only, instead of into memory.

    Raises FileNotFoundError, PermissionError, or ValueError that names the file if it is no whole array of
    plain values.
    """
    try:
        with path.open("rb") as file:
            version = npy.read_magic(file)
            head = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
            shape, _, kind = head(file)
            size = kind.itemsize
            for length in shape:  # as whole numbers of Python, which do not overflow
                size *= length
            if size != path.stat().st_size - file.tell() or min(shape, default=0) < 0:
                raise ValueError(f"it has not the bytes of an array {shape} of {kind}")
        found: np.ndarray = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
        return found
    # The head is parsed as Python's literals are, and fails as these do.
    except (ValueError, TypeError, SyntaxError, TokenError, OverflowError, RecursionError) as error:
        raise ValueError(f"{path} is no whole array of numbers: {error}") from error
