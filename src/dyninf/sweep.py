"""``python -m dyninf.sweep``: accuracy against mean GMACs, from a recorded trace or over finished runs."""

from pathlib import Path

from omegaconf import DictConfig

from dyninf.cli import application, policy_of
from dyninf.configuration import make, make_promise, plain, whole_number, yes_or_no
from dyninf.multirun import all_in_one_process, each_choice
from dyninf.report import followed, report_policies, report_runs, report_sweep, tags_of
from dyninf.reporting import report_all, report_trace
from dyninf.split_name import SplitName
from dyninf.trace import Milliseconds, Trace


@application("sweep", before=all_in_one_process("policy", "policies"))
def main(config: DictConfig) -> None:
    """Replay policies on ``config.trace``, or collect the runs below ``config.runs``."""
    output, wants_report = Path(config.paths.output_dir), yes_or_no(config, "report")
    if config.trace is None and config.runs is None:
        raise ValueError("trace is needed: trace=PATH of a recorded one; or runs=DIR to collect runs")
    if config.trace is not None and config.runs is not None:
        raise ValueError("give trace or runs, not both: a curve of one trace, or a table of many runs")
    if config.runs is not None:
        report_runs(Path(config.runs), output)
        if wants_report:
            report_all(Path(config.runs), output)
        return
    promise = make_promise(config)
    points = whole_number(config, "points", least=2)
    calibration = Trace.load(config.calibration) if config.calibration else None
    if promise.unit == "ms" and not config.milliseconds:
        raise ValueError(
            f"budget={config.budget} needs a table of times, milliseconds=FILE; dyninf.macs measures one"
        )
    times = Milliseconds.load(config.milliseconds) if config.milliseconds else None
    trace = Trace.load(config.trace)
    if config.policies is not None and config.policy_file is None:
        configs = each_choice(config, "sweep", "policy", "policies")
        policies = {name: make(policy) for name, policy in configs.items()}
        report_policies(trace, policies, output, calibration, promise, points, times)
        if wants_report:
            report_trace(Path(config.trace), calibration, policies, output)
        return
    policy = policy_of(config)
    loggers = [make(config.logger)] if config.logger else []
    tags = tags_of(trace.info.network, SplitName.of(trace.info.split).data_set, policy)
    with followed(loggers, {**plain(config), "network": trace.info.network}, tags):
        report_sweep(trace, policy, output, calibration, promise, points, times, loggers)
        if wants_report:
            report_trace(Path(config.trace), calibration, {}, output, policy, loggers)


if __name__ == "__main__":
    main()
