"""The curve of a recorded trace, as table and files."""

from pathlib import Path

from rich.console import Console

from dyninf.policies import Policy
from dyninf.report.error_bars import add_error_bars, shown_difference
from dyninf.report.figure import save_curve
from dyninf.report.summary import comparison_table, policy_figures, sweep_table, trace_figures
from dyninf.trace import Curve, Promise, Trace, calibrate, default_thresholds, sweep


def report_sweep(
    trace: Trace,
    policy: Policy,
    output: Path,
    calibration: Trace | None = None,
    promise: Promise | None = None,
    points: int = 200,
) -> Curve:
    """Replay `policy` with `points` thresholds; write ``curve.csv``, ``curve.png`` and the tables of
    `add_error_bars`, print a table.

    With `calibration`, the operating point that keeps `promise` there is reported on `trace`; so is a
    threshold that the policy has already.

    Raises ValueError if `calibration` is a trace of another network, or of the same split.
    """
    summary = trace_figures(trace)
    if calibration is not None:
        calibration.check_same_network(trace)
        if calibration.info.split and calibration.info.split == trace.info.split:
            raise ValueError(
                f"a threshold cannot be chosen on the split that is reported ({trace.info.split})"
            )
        policy = calibrate(calibration, policy, promise)
    outcome = None if policy.threshold is None else trace.replay(policy)
    if outcome is not None:
        summary |= policy_figures(policy, outcome)
    curve = sweep(trace, policy, default_thresholds(trace, policy, points))
    summary, curve = add_error_bars(summary, curve, trace, policy, output, outcome, calibration, promise)
    curve.save(output / "curve.csv")
    save_curve(output / "curve.png", curve, summary)
    console = Console()
    console.print(sweep_table(curve, f"{trace.info.network} on {trace.info.split}"))
    if outcome is not None:
        console.print(comparison_table(summary))
        console.print(shown_difference(summary), highlight=False)
    written = ["curve.csv", "curve.png", "anytime.csv"]
    written += ["classes.csv"] if outcome is not None else []
    written += ["budgeted.csv"] if calibration is not None else []
    console.print(f"written to {output}: {', '.join(written)}")
    return curve
