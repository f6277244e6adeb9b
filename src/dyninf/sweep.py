"""``python -m dyninf.sweep trace=PATH``: accuracy against mean GMACs, from a recorded trace."""

from pathlib import Path

from omegaconf import DictConfig

from dyninf.cli import application
from dyninf.configuration import make, make_promise, number
from dyninf.report import report_sweep
from dyninf.trace import Trace


@application("sweep")
def main(config: DictConfig) -> None:
    """Replay the policy on ``config.trace`` and write the curve as CSV and PNG."""
    promise = make_promise(config)
    points = int(number(config, "points", least=2))
    calibration = Trace.load(config.calibration) if config.calibration else None
    policy = make(config.policy)
    output = Path(config.paths.output_dir)
    report_sweep(Trace.load(config.trace), policy, output, calibration, promise, points)


if __name__ == "__main__":
    main()
