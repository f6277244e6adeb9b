"""Where on the grid a prediction can be made."""

from dataclasses import dataclass

from dyninf.grid.route import Cell


@dataclass(frozen=True)
class Checkpoint:
    """A head placed after a cell.

    cell: the cell after which the head predicts.
    stage: the backbone's name of the cell's stage, such as ``res5``.
    frames: frames of a clip processed at that stage so far. The head averages over them, or, where a scheme
        has ``average=cells``, over these and those of the other stages with a head.
    name: unique in a network, such as ``4f-res5``.
    """

    cell: Cell
    stage: str
    frames: int
    name: str
