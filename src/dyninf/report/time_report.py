"""Tables of milliseconds: measured on a network, or read from a file and held against it."""

from pathlib import Path

import torch
from rich.table import Table

from dyninf.data import VideoDataModule
from dyninf.grid import Network
from dyninf.processor import processor_name
from dyninf.runtime import measure_milliseconds
from dyninf.trace import Milliseconds


def time_network(
    network: Network, height: int, width: int, repeats: int = 30, views: int = 1
) -> Milliseconds:
    """Measure where the network is now; see `runtime.measure_milliseconds`."""
    times_K = measure_milliseconds(network, height, width, repeats, views)
    macs_K = network.costs(height, width).macs_K * views
    return Milliseconds(
        network.name,
        tuple(checkpoint.name for checkpoint in network.checkpoints),
        tuple(macs_K.tolist()),
        tuple(times_K.tolist()),
        _device(next(network.parameters()).device),
        repeats,
    )


def time_of_split(network: Network, datamodule: VideoDataModule) -> Milliseconds:
    """Measure for videos as a data set gives them in testing."""
    crop, views = shape_of(datamodule)
    return time_network(network, crop, crop, views=views)


def load_milliseconds(path: str | Path, network: Network, datamodule: VideoDataModule) -> Milliseconds:
    """Read a table, for this network and videos as the data set gives them in testing.

    Raises FileNotFoundError, or ValueError if it is no table or one of another network, size or views.
    """
    table = Milliseconds.load(path)
    crop, views = shape_of(datamodule)
    names = [checkpoint.name for checkpoint in network.checkpoints]
    table.check_fits(network.name, names, network.costs(crop, crop).macs_K * views)
    return table


def time_table(milliseconds: Milliseconds) -> Table:
    """One row a checkpoint: cumulative GMACs and milliseconds."""
    table = Table(title=f"{milliseconds.network}, one video at a time on {milliseconds.device}")
    for column in ("checkpoint", "GMACs", "ms", "of full"):
        table.add_column(column, justify="left" if column == "checkpoint" else "right")
    rows = zip(milliseconds.checkpoints, milliseconds.macs, milliseconds.milliseconds, strict=True)
    for name, macs, time in rows:
        share = time / milliseconds.milliseconds[-1]
        table.add_row(name, f"{macs / 1e9:.4g}", f"{time:.4g}", f"{share:.1%}")
    table.caption = f"cumulative; medians of {milliseconds.repeats} rounds"
    return table


def shape_of(datamodule: VideoDataModule) -> tuple[int, int]:
    """Side of a frame in pixels, and views of a video."""
    return datamodule.test_transform.crop, datamodule.clips_per_video * datamodule.crops_per_clip


def _device(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{processor_name()}, {torch.get_num_threads()} threads"
