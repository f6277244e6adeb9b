"""The curve of a recorded trace, as table and files."""

from pathlib import Path

from rich.console import Console

from dyninf.policies import Policy
from dyninf.report.figure import save_curve
from dyninf.report.summary import comparison_table, policy_figures, sweep_table, trace_figures
from dyninf.trace import Curve, Promise, Trace, calibrate, default_thresholds, sweep, uncertified


def report_sweep(
    trace: Trace,
    policy: Policy,
    output: Path,
    calibration: Trace | None = None,
    promise: Promise | None = None,
    points: int = 200,
) -> Curve:
    """Replay `policy` with `points` thresholds; write ``curve.csv`` and ``curve.png``, print a table.

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
        promise = promise or Promise()
        policy = calibrate(calibration, policy, promise)
        if uncertain := uncertified(calibration, policy, promise):
            Console().print(uncertain, highlight=False)
    if policy.threshold is not None:
        summary |= policy_figures(policy, trace.replay(policy))
    curve = sweep(trace, policy, default_thresholds(trace, policy, points))
    curve.save(output / "curve.csv")
    save_curve(output / "curve.png", curve, summary)
    console = Console()
    console.print(sweep_table(curve, f"{trace.info.network} on {trace.info.split}"))
    if policy.threshold is not None:
        console.print(comparison_table(summary))
    console.print(f"written to {output}: curve.csv, curve.png")
    return curve
