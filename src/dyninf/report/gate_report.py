"""How the gates of a network came out, printed and written."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from rich.console import Console
from rich.progress import track
from rich.table import Table

from dyninf.data import VideoDataModule
from dyninf.gates import GateFit, Recipe, fit_gates
from dyninf.grid import Network
from dyninf.json_file import write_json

SPLIT = "train"  # calibration chooses thresholds, test is reported: both are to be new to the gates


def report_gates(
    network: Network, datamodule: VideoDataModule, recipe: Recipe, output: Path
) -> list[GateFit]:
    """Fit gates on the training split, print a table, write ``gates.json``: the recipe, a row a checkpoint.

    Raises ValueError as `fit_gates` does.
    """
    console = Console()
    datamodule.keep_skipped(output)
    batches = track(datamodule.dataloader(SPLIT), f"{SPLIT}: what gates learn from", console=console)
    fits = fit_gates(network, batches, recipe)
    figures = {
        "network": network.name,
        "split": datamodule.split_name(SPLIT),
        "recipe": asdict(recipe),
        "gates": [asdict(fit) for fit in fits],
    }
    write_json(output / "gates.json", figures, indent=2)
    console.print(gate_table(fits, f"gates of {network.name}"))
    console.print(f"written to {output / 'gates.json'}")
    return fits


def gate_table(fits: Sequence[GateFit], title: str) -> Table:
    """One row a gate."""
    table = Table(title=title)
    for column in ("checkpoint", "right to stop", "separation, held out", "epochs"):
        table.add_column(column, justify="left" if column == "checkpoint" else "right")
    for fit in fits:
        apart = "" if fit.separation is None else f"{fit.separation:.3f}"
        table.add_row(fit.checkpoint, f"{fit.right_to_stop:.1%}", apart, str(fit.epochs))
    return table
