"""``python -m dyninf.sweep trace=PATH``: accuracy against mean GMACs, from a recorded trace."""

from pathlib import Path

from omegaconf import DictConfig

from dyninf.cli import application
from dyninf.configuration import make, number
from dyninf.report import report_sweep
from dyninf.trace import Trace


@application("sweep")
def main(config: DictConfig) -> None:
    """Replay the policy on ``config.trace`` and write the curve as CSV and PNG."""
    max_drop, points = number(config, "max_drop", least=0), int(number(config, "points", least=2))
    calibration = Trace.load(config.calibration) if config.calibration else None
    policy = make(config.policy)
    output = Path(config.paths.output_dir)
    report_sweep(Trace.load(config.trace), policy, output, calibration, max_drop, points)


if __name__ == "__main__":
    main()
