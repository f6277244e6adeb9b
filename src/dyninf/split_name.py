"""What traces call the videos that they are of, such as ``synthetic/test+contrast-5@0123456789ab``."""

from __future__ import annotations

from typing import NamedTuple


class SplitName(NamedTuple):
    """A name by its parts, of which each may be empty.

    part: of the data set, such as ``test``. corruption: of its clips. fingerprint: of what is seen of them.
    """

    data_set: str
    part: str
    corruption: str = ""
    fingerprint: str = ""

    @classmethod
    def of(cls, text: str) -> SplitName:
        """The parts of a name."""
        name, _, fingerprint = text.partition("@")
        data_set, _, rest = name.rpartition("/")
        part, _, corruption = rest.partition("+")
        return cls(data_set, part, corruption, fingerprint)

    def __str__(self) -> str:
        name = "/".join(word for word in (self.data_set, self.part) if word)
        corruption = f"+{self.corruption}" if self.corruption else ""
        return f"{name}{corruption}@{self.fingerprint}" if self.fingerprint else f"{name}{corruption}"


def are_same_videos(name: str, other: str) -> bool:
    """Whether two names are of the same part of a data set, however its clips are read; no, without names."""
    here, there = SplitName.of(name), SplitName.of(other)
    return bool(name) and (here.data_set, here.part) == (there.data_set, there.part)
