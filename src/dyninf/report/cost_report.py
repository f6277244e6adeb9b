"""What a network costs, printed and written: by a command, and when a training starts."""

from pathlib import Path
from typing import cast

from pytorch_lightning import Callback, LightningModule, Trainer
from pytorch_lightning.utilities import rank_zero_only
from rich.console import Console

from dyninf.grid import Network, NetworkProfile, profile
from dyninf.json_file import write_json
from dyninf.report.cost_tables import cell_table, cost_figures, cost_table, head_table, stage_table


def report_costs(network: Network, height: int, width: int, output: Path | None = None) -> NetworkProfile:
    """Count for frames of this size in pixels and print tables; with `output`, write all figures as JSON.

    Raises ValueError if `output` is a folder, or lies below a file.
    """
    if output is not None:
        if output.is_dir():
            raise ValueError(f"{output} is a folder; name a file, such as {output / 'costs.json'}")
        files = [place for place in output.parents if place.is_file()]
        if files:
            raise ValueError(f"{output} cannot be written: {files[0]} is a file; name a folder")
    found = profile(network, height, width)
    console = Console()
    for table in (cost_table, stage_table, head_table, cell_table):
        console.print(table(found))
    if output is not None:
        write_json(output, cost_figures(found), indent=2)
        console.print(f"written to {output}")
    return found


class CostSummary(Callback):
    """Prints parameters, and GMACs up to each checkpoint, when training starts.

    height, width: frame size in pixels for the costs.
    """

    def __init__(self, height: int, width: int) -> None:
        self.height = height
        self.width = width

    @rank_zero_only
    def on_fit_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        found = profile(cast(Network, pl_module.network), self.height, self.width)
        Console().print(cost_table(found))
