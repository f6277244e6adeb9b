"""What became of a file of weights, as a value that Rich can print."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from rich.console import Group
from rich.markup import escape
from rich.table import Table

from dyninf.backbones.pretrained_parts import Part


@dataclass(frozen=True)
class Amount:
    """Tensors, batch norm's statistics among them, and how many numbers of them are trained."""

    tensors: int
    parameters: int


@dataclass(frozen=True)
class Loaded:
    """Which weights a network has from a file.

    network, path, naming: their names.
    fitted: what came from the file, by stage and head.
    new: what the file did not give, by name, each with the reason; it starts at random.
    left: what the network did not take, by name, with the number of tensors.
    """

    network: str
    path: Path
    naming: str
    fitted: Mapping[Part, Amount]
    new: Mapping[str, str]
    left: Mapping[str, int]

    def __rich__(self) -> Group:
        table = Table()
        for column in ("part", "tensors", "parameters"):
            table.add_column(column, justify="left" if column == "part" else "right")
        for part, amount in self.fitted.items():
            table.add_row(str(part), str(amount.tensors), f"{amount.parameters:,}")
        new = "; ".join(f"{name} ({why})" for name, why in self.new.items())
        left = ", ".join(f"{name} ({count} tensors)" for name, count in self.left.items())
        return Group(
            escape(f"{self.network}: weights from {self.path} ({self.naming})"),
            table,
            escape(f"new in the network: {new or 'nothing'}"),
            escape(f"left in the file: {left or 'nothing'}"),
        )
