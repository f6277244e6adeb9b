"""``python -m dyninf.sweep trace=PATH``: accuracy against mean GMACs, from a recorded trace."""

from pathlib import Path

from omegaconf import DictConfig

from dyninf.cli import application, policy_of
from dyninf.configuration import number
from dyninf.report import report_sweep
from dyninf.trace import Milliseconds, Promise, Trace


@application("sweep")
def main(config: DictConfig) -> None:
    """Replay the policy on ``config.trace`` and write the curve as CSV and PNG."""
    promise = Promise(config.max_drop, config.budget, config.solver)
    points = int(number(config, "points", least=2))
    calibration = Trace.load(config.calibration) if config.calibration else None
    if promise.unit == "ms" and not config.milliseconds:
        raise ValueError(
            f"budget={config.budget} needs a table of times, milliseconds=FILE; dyninf.macs measures one"
        )
    times = Milliseconds.load(config.milliseconds) if config.milliseconds else None
    output = Path(config.paths.output_dir)
    report_sweep(Trace.load(config.trace), policy_of(config), output, calibration, promise, points, times)


if __name__ == "__main__":
    main()
