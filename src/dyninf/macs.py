"""``python -m dyninf.macs backbone=NAME scheme=NAME``: what a network costs, part by part, and in time."""

import torch
from omegaconf import DictConfig
from rich.console import Console

from dyninf import checkpoint_file
from dyninf.cli import application, file_of_job
from dyninf.configuration import device_named, make, whole_number
from dyninf.grid import Network
from dyninf.report import report_costs, time_network, time_table


@application("macs")
def main(config: DictConfig) -> None:
    """Print the costs of the network that the config names, and write them to ``config.output``.

    With ``config.milliseconds``, measure a table of times as well.
    """
    output, times = (file_of_job(config, key) for key in ("output", "milliseconds"))
    repeats, device = whole_number(config, "repeats", least=1), device_named(config.device)
    if config.checkpoint is not None:
        file = checkpoint_file.read(config.checkpoint)
        height = width = whole_number(file.config.dataset, "crop", least=1)
        network = file.network()
    else:
        height, width = (whole_number(config, key, least=1) for key in ("height", "width"))
        num_classes, num_frames = (
            whole_number(config, key, least=1) for key in ("num_classes", "num_frames")
        )
        with torch.device("cpu" if times else "meta"):  # shapes are all that counting needs
            network = Network(make(config.backbone), make(config.scheme), num_classes, num_frames)
    report_costs(network, height, width, output)
    if times is not None:
        milliseconds = time_network(network.to(device), height, width, repeats)
        milliseconds.save(times)
        console = Console()
        console.print(time_table(milliseconds))
        console.print(f"written to {times}")


if __name__ == "__main__":
    main()
