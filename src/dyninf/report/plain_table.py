"""A table for a person, in Markdown or in the terminal."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.table import Table


@dataclass(frozen=True)
class PlainTable:
    """A title, names of columns, lines of as many cells, and a note on them that may be empty."""

    title: str
    header: Sequence[str]
    lines: Sequence[Sequence[str]]
    note: str = ""

    def markdown(self) -> str:
        """A heading, the note and the table."""
        rows = (self.header, ["---"] * len(self.header), *self.lines)
        lines = [f"| {' | '.join(cells)} |" for cells in rows]
        return "\n".join([f"## {self.title}", "", *([self.note, ""] if self.note else []), *lines])

    def rich(self) -> Table:
        """For the terminal."""
        table = Table(*self.header, title=self.title, caption=self.note or None)
        for line in self.lines:
            table.add_row(*line)
        return table
