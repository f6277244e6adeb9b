"""``python -m dyninf.macs backbone=NAME scheme=NAME``: what a network costs, part by part."""

import torch
from omegaconf import DictConfig

from dyninf import checkpoint_file
from dyninf.cli import application, file_of_job
from dyninf.configuration import make, whole_number
from dyninf.grid import Network
from dyninf.report import report_costs


@application("macs")
def main(config: DictConfig) -> None:
    """Print the costs of the network that the config names, and write them to ``config.output``."""
    output = file_of_job(config, "output")
    height, width = (whole_number(config, key, least=1) for key in ("height", "width"))
    num_classes, num_frames = (whole_number(config, key, least=1) for key in ("num_classes", "num_frames"))
    if config.checkpoint:
        network = checkpoint_file.read(config.checkpoint).network()
    else:
        with torch.device("meta"):  # shapes are all that is needed
            network = Network(make(config.backbone), make(config.scheme), num_classes, num_frames)
    report_costs(network, height, width, output)


if __name__ == "__main__":
    main()
