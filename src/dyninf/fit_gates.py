"""``python -m dyninf.fit_gates checkpoint=PATH``: gates for a trained network, in a file of their own."""

from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from dyninf import checkpoint_file
from dyninf.cli import application
from dyninf.configuration import device_named, make
from dyninf.gates import Recipe
from dyninf.of_checkpoint import make_dataset, offer_dataset
from dyninf.report import report_gates


@application("fit_gates", before=offer_dataset)
def main(config: DictConfig) -> None:
    """Fit gates on the training split and write ``checkpoints/gated.ckpt``."""
    device = device_named(config.device)
    recipe: Recipe = make(config.gates)
    file = checkpoint_file.read(config.checkpoint)
    network = file.network().to(device)
    output = Path(config.paths.output_dir)
    report_gates(network, make_dataset(config, file), recipe, output)
    gated = output / "checkpoints" / "gated.ckpt"
    checkpoint_file.save_gated(gated, file, network)
    Console().print(f"written to {gated}")


if __name__ == "__main__":
    main()
