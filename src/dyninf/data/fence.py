"""Lists of videos come from elsewhere: what they name has to lie in the data set's folder, links followed."""

from __future__ import annotations

import os
import reprlib
from collections.abc import Sequence
from pathlib import Path

from dyninf.data.annotations import Place
from dyninf.data.video_error import VideoError

_SHOWN = reprlib.Repr()
_SHOWN.maxstring = 250  # whole, but for what is no path


class Fence:
    """The folders that videos may lie in.

    Args:
        root: of the data set.
        also_from: others, absolute or relative to `root`, such as those that links in it lead to.
    """

    def __init__(self, root: Path, also_from: Sequence[str | Path] = ()) -> None:
        self.root = root
        self._allowed = tuple(_real(place) for place in (root, *(root / folder for folder in also_from)))
        self._is_inside: dict[str, bool] = {}  # by folder: lists have far more videos than folders

    def check_listed(self, path: Path, place: Place | None = None) -> None:
        """Follow the folder that a listed path is in, and ask nothing about the file itself.

        place: where the path was read. Raises ValueError that names it and the path, if that is outside.
        """
        folder, name = os.path.split(path)
        if name in ("", ".", ".."):
            folder = os.fspath(path)
        inside = self._is_inside.get(folder)
        if inside is None:
            inside = self._is_inside[folder] = self._holds(_real(folder))
        if not inside:
            reason = f"{_SHOWN.repr(str(path))} {self._leads_out(path)}"
            raise place.error(reason) if place is not None else ValueError(reason)

    def check_opened(self, path: Path) -> None:
        """Follow all links to a file that is about to be read. Raises VideoError if it is outside."""
        if not self._holds(_real(path)):
            raise VideoError(path, self._leads_out(path))

    def _holds(self, real: str) -> bool:
        return any(real == place or real.startswith(place.rstrip(os.sep) + os.sep) for place in self._allowed)

    def _leads_out(self, path: Path) -> str:
        real = _real(path)
        where = "lies" if real == os.path.abspath(path) else f"leads to {_SHOWN.repr(real)}"
        return (
            f"{where} outside of the data set's folder {self.root}; "
            f"if that is meant, name its folder in dataset.also_from"
        )


def _real(path: str | Path) -> str:
    """Absolute, without links; what is not there, or can be no name, as far as it goes."""
    try:
        return os.path.realpath(path)
    except ValueError:  # with a NUL: it is missed when it is opened
        return os.path.abspath(path)
