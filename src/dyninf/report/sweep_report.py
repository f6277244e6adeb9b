"""The curve of a recorded trace, as table and files."""

from collections.abc import Iterable
from pathlib import Path

from pytorch_lightning.loggers import Logger
from rich.console import Console

from dyninf.policies import Policy
from dyninf.report.assess import Assessment
from dyninf.report.error_bars import add_error_bars, shown_difference
from dyninf.report.figures import save_curve
from dyninf.report.loggers import log_assessment
from dyninf.report.summary import comparison_table, policy_figures, sweep_table, time_figures, trace_figures
from dyninf.trace import (
    Curve,
    FittedPolicy,
    Milliseconds,
    Promise,
    Trace,
    calibrate,
    check_calibration,
    sweep,
    uncertified,
)


def report_sweep(
    trace: Trace,
    policy: Policy | FittedPolicy,
    output: Path,
    calibration: Trace | None = None,
    promise: Promise | None = None,
    points: int = 200,
    milliseconds: Milliseconds | None = None,
    loggers: Iterable[Logger] = (),
) -> Curve:
    """Replay `policy` with `points` thresholds; write ``curve.csv``, ``curve.png`` and the tables of
    `add_error_bars`, print a table.

    With `calibration`, the operating point that keeps `promise` there is reported on `trace`; so is a
    threshold that the policy has already; it is written to ``policy.json``. A promise in milliseconds needs
    their table, from which the mean time of the operating point is predicted. All goes to `loggers` as well.

    Raises ValueError as `check_calibration`, if the table does not fit, or if a policy from a file is for
    another network, was fitted on this split, or is given together with `calibration`.
    """
    summary, left = trace_figures(trace), None
    check_calibration(trace, calibration)
    if milliseconds is not None:
        milliseconds.check_fits(trace.info.network, trace.info.checkpoints, trace.macs_K)
    fitted = policy if isinstance(policy, FittedPolicy) else None
    if isinstance(policy, FittedPolicy):
        policy.check_fits(trace, trace.info.split)
        if calibration is not None:
            raise ValueError("give calibration or a policy file, not both: the file has its thresholds")
        policy = policy.policy
    if calibration is not None:
        promise = promise or Promise()
        policy = calibrate(calibration, policy, promise, milliseconds=milliseconds)
        if uncertain := uncertified(calibration, policy, promise):
            Console().print(uncertain, highlight=False)
        fitted = FittedPolicy.of(policy, calibration, promise, milliseconds)
    elif policy.threshold is not None and fitted is None:
        fitted = FittedPolicy.of(policy, trace)
    if fitted is not None:
        left = trace.replay(policy)
        summary |= policy_figures(policy, left)
        if milliseconds is not None:
            summary["milliseconds"] = time_figures(milliseconds, summary["dynamic"]["exit_share"])
        fitted.save(output / "policy.json")
    curve = sweep(trace, policy, points)
    summary, curve = add_error_bars(summary, curve, trace, policy, output, left, calibration, promise)
    curve.save(output / "curve.csv")
    save_curve(output / "curve.png", curve, summary)
    log_assessment(loggers, Assessment(summary, curve, trace, policy, left))
    console = Console()
    console.print(sweep_table(curve, f"{trace.info.network} on {trace.info.split}"))
    files = ["curve.csv", "curve.png", "anytime.csv"]
    if fitted is not None:
        console.print(comparison_table(summary))
        console.print(shown_difference(summary), highlight=False)
        files = ["policy.json", *files, "classes.csv"]
    files += ["budgeted.csv"] if calibration is not None else []
    console.print(f"written to {output}: {', '.join(files)}")
    return curve
