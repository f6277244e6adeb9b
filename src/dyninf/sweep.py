"""``python -m dyninf.sweep trace=PATH``: accuracy against mean GMACs, from a recorded trace."""

from pathlib import Path

from omegaconf import DictConfig

from dyninf.cli import application, policy_of
from dyninf.configuration import make, number, plain
from dyninf.report import followed, report_sweep, tags_of
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
    policy, trace, output = policy_of(config), Trace.load(config.trace), Path(config.paths.output_dir)
    loggers = [make(config.logger)] if config.logger else []
    tags = tags_of(trace.info.network, trace.info.split.partition("/")[0], policy)
    with followed(loggers, {**plain(config), "network": trace.info.network}, tags):
        report_sweep(trace, policy, output, calibration, promise, points, times, loggers)


if __name__ == "__main__":
    main()
