"""``python -m dyninf.evaluate checkpoint=PATH``: a trained network on a split, leaving early for real."""

from pathlib import Path

from omegaconf import DictConfig

from dyninf import checkpoint_file
from dyninf.cli import application
from dyninf.configuration import make
from dyninf.of_checkpoint import device_named, make_dataset, offer_dataset
from dyninf.report import assess
from dyninf.trace import Promise


@application("evaluate", before=offer_dataset)
def main(config: DictConfig) -> float:
    """Assess ``config.checkpoint``; returns the dynamic top-1 for sweepers."""
    device = device_named(config.device)
    promise = Promise(config.max_drop, config.budget, config.solver)
    file = checkpoint_file.read(config.checkpoint)
    datamodule = make_dataset(config, file)
    network = file.network()
    assessment = assess(
        network,
        datamodule,
        make(config.policy),
        Path(config.paths.output_dir),
        promise,
        config.split,
        known_traces=file.path.parent.parent / "trace",
        device=device,
    )
    return float(assessment.summary["dynamic"]["top1"])


if __name__ == "__main__":
    main()
