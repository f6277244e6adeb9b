"""Videos that a data set is to do without, named in a text file."""

from __future__ import annotations

from pathlib import Path

from dyninf.data.annotations import lines, no_file
from dyninf.data.video_dataset import Video


class ExclusionList:
    """A file with one video a line: its id, or its path, absolute or relative to the data set's folder.

    Args:
        file: absolute or relative to `root`.
        root: folder of the data set.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is no text.
    """

    def __init__(self, file: str | Path, root: Path) -> None:
        self.file = root / file
        self._root = root
        if not self.file.is_file():
            raise FileNotFoundError(no_file(self.file.parent, "list of excluded videos", [self.file.name]))
        self.names = tuple(dict.fromkeys(line for _, line in lines(self.file)))
        self._ids = frozenset(self.names)
        self._paths = frozenset(str(root / name) for name in self.names)

    def __contains__(self, video: Video) -> bool:
        return video.video_id in self._ids or str(video.path) in self._paths

    def names_none_of(self, data_set: str, example: Video) -> ValueError:
        """What is wrong where none of a data set's videos is named; an example is one of them.

        Some names that match nothing are fine: a list may serve other folds, or other copies, too. If none
        does, the list is of another data set, or its names are of another form.
        """
        return ValueError(
            f"{self.file} names no video of {data_set}: it has to hold ids such as {example.video_id}, or "
            f"paths relative to {self._root}, one a line"
        )

    def without(self, videos: list[Video]) -> list[Video]:
        """Those that are not excluded, in their order."""
        return [video for video in videos if video not in self]
