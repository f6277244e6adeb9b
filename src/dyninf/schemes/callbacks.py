"""What a run says about its network, and what its checkpoints carry besides weights.

Legend: K checkpoints.
"""

from collections.abc import Mapping
from typing import Any, cast

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities import rank_zero_only
from rich.console import Console
from rich.table import Table

from dyninf.grid import Network

SAVED_KEY = "dyninf"


class SaveConfig(Callback):
    """Puts `saved` (plain dicts, lists, numbers, strings) into every checkpoint file.

    `checkpoint_file.load` rebuilds the network from it.
    """

    def __init__(self, saved: Mapping[str, Any]) -> None:
        self.saved = dict(saved)

    def on_save_checkpoint(
        self, trainer: Trainer, pl_module: LightningModule, checkpoint: dict[str, Any]
    ) -> None:
        checkpoint[SAVED_KEY] = self.saved


class CostSummary(Callback):
    """Prints parameters, and GMACs up to each checkpoint, when training starts.

    height, width: frame size in pixels for the costs.
    """

    def __init__(self, height: int, width: int) -> None:
        self.height = height
        self.width = width

    @rank_zero_only
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        Console().print(cost_table(cast(Network, pl_module.network), self.height, self.width))


def cost_table(network: Network, height: int, width: int) -> Table:
    """One row a checkpoint: cell, frames, cumulative GMACs and their share of full inference."""
    params = sum(parameter.numel() for parameter in network.parameters())
    table = Table(title=f"{network.name}: {params / 1e6:.2f} M parameters, frames of {height}x{width}")
    for column in ("checkpoint", "cell (group, stage)", "frames", "GMACs", "of full"):
        table.add_column(column, justify="left" if column == "checkpoint" else "right")
    gmacs_K = network.costs(height, width).gmacs_K
    for checkpoint, gmacs in zip(network.checkpoints, gmacs_K, strict=True):
        table.add_row(
            checkpoint.name,
            str(checkpoint.cell),
            str(checkpoint.frames),
            f"{gmacs:.4g}",
            f"{gmacs / gmacs_K[-1]:.1%}",
        )
    return table
