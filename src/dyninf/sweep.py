"""``python -m dyninf.sweep trace=PATH``: accuracy against mean GMACs, from a recorded trace."""

from pathlib import Path

from omegaconf import DictConfig

from dyninf.cli import application
from dyninf.configuration import make
from dyninf.report import report_sweep
from dyninf.trace import Trace


@application("sweep")
def main(config: DictConfig) -> None:
    """Replay the policy on ``config.trace`` and write the curve as CSV and PNG."""
    calibration = Trace.load(config.calibration) if config.calibration else None
    policy = make(config.policy)
    output = Path(config.paths.output_dir)
    report_sweep(Trace.load(config.trace), policy, output, calibration, config.max_drop, config.points)


if __name__ == "__main__":
    main()
