"""``python -m dyninf.export checkpoint=PATH``: a trained network with its policy, to run without torch."""

from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from dyninf import checkpoint_file
from dyninf.cli import application
from dyninf.of_checkpoint import load_policy, preprocessing_of
from dyninf.runtime import export_network


@application("export")
def main(config: DictConfig) -> None:
    """Write ``config.checkpoint`` as a folder that ``dyninf.runtime.exported`` runs."""
    file = checkpoint_file.read(config.checkpoint)
    fitted = load_policy(config.policy_file, file)
    network, output = file.network(), Path(config.paths.output_dir)
    fitted.check_fits(network, split=None)
    manifest = export_network(network, fitted, output, file.classes, preprocessing_of(file))
    stops = ", ".join(manifest.checkpoints[k].name for k in manifest.stops)
    Console().print(f"{network.name}: clips leave at {stops}; written to {output}", soft_wrap=True)


if __name__ == "__main__":
    main()
