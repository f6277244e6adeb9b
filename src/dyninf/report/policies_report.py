"""Several policies on one recorded trace: a table and a figure.

Legend: P operating points.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from dyninf.atomic import atomic_file
from dyninf.policies import LogitsNotFiniteError, Policy
from dyninf.report.figures import save_curves
from dyninf.report.summary import policy_figures, shown_threshold, trace_figures
from dyninf.trace import Curve, Milliseconds, Promise, Trace, calibrate, check_calibration, sweep

SHARES = (0.25, 0.35, 0.5, 0.75, 1.0)  # of full inference's cost


def report_policies(
    trace: Trace,
    policies: Mapping[str, Policy],
    output: Path,
    calibration: Trace | None = None,
    promise: Promise | None = None,
    points: int = 200,
    milliseconds: Milliseconds | None = None,
) -> dict[str, Curve]:
    """The curve of each policy over `points` thresholds, in ``curves.csv`` and ``curves.png``.

    One table, printed and in ``policies.csv``, has a row a policy: the best top-1 of its curve for a share of
    full inference's cost, and with `calibration` the operating point that keeps `promise` there. A promise in
    milliseconds needs their table.

    A policy that cannot score the trace, since that lacks what it decides from, is left out and named.

    Raises ValueError if that is all of them, or `calibration` does not fit as `check_calibration` says.
    """
    console = Console()
    summary = trace_figures(trace)
    check_calibration(trace, calibration)
    if milliseconds is not None:
        milliseconds.check_fits(trace.info.network, trace.info.checkpoints, trace.macs_K)
    curves: dict[str, Curve] = {}
    rows: list[dict[str, Any]] = []
    for name, policy in policies.items():
        try:
            curve = sweep(trace, policy, points)
        except LogitsNotFiniteError:
            raise  # no policy can judge this trace
        except ValueError as error:
            console.print(f"{name} is left out: {error}", highlight=False)
            continue
        curves[name] = curve
        row = {"policy": name, "sees_labels": policy.sees_labels} | read_off(curve, summary["full"]["gmacs"])
        if calibration is not None:
            chosen = calibrate(calibration, policy, promise, milliseconds=milliseconds)
            dynamic = policy_figures(chosen, trace.replay(chosen))["dynamic"]
            row |= {
                "threshold": shown_threshold(chosen.threshold),
                "top1": dynamic["top1"],
                "gmacs": dynamic["gmacs"],
                "share_of_full": dynamic["gmacs"] / summary["full"]["gmacs"],
            }
        rows.append(row)
    if not curves:
        raise ValueError(
            f"none of {', '.join(policies)} can be replayed on {trace.info.split or 'this trace'}"
        )
    save(output, curves, rows)
    save_curves(output / "curves.png", curves, [r["policy"] for r in rows if r["sees_labels"]], summary)
    console.print(policies_table(rows, summary))
    console.print(f"written to {output}: policies.csv, curves.csv, curves.png")
    return curves


def read_off(curve: Curve, full_gmacs: float) -> dict[str, float | None]:
    """The best top-1 at no more than a share of full inference's cost, None where no point is so cheap."""
    found: dict[str, float | None] = {}
    for share in SHARES:
        top1_P = curve.top1_P[curve.macs_P / 1e9 <= share * full_gmacs * (1 + 1e-9)]
        found[f"top1_at_{share:.0%}"] = top1_P.max().item() if len(top1_P) else None
    return found


def save(output: Path, curves: Mapping[str, Curve], rows: list[dict[str, Any]]) -> None:
    """Write ``policies.csv`` and ``curves.csv``."""
    with atomic_file(output / "policies.csv") as new, open(new, "w", newline="") as file:
        table = csv.DictWriter(file, [*rows[0]])
        table.writeheader()
        table.writerows(rows)
    with atomic_file(output / "curves.csv") as new, open(new, "w", newline="") as file:
        writer = csv.writer(file)
        for i, (name, curve) in enumerate(curves.items()):
            if i == 0:
                writer.writerow(["policy", *curve.header()])
            writer.writerows([name, *row] for row in curve.rows())


def policies_table(rows: list[dict[str, Any]], summary: dict[str, Any]) -> Table:
    """One row a policy, accuracies in percent."""
    table = Table(
        title=f"{summary['network']} on {summary['split']}: best top-1 of each curve for a share of full "
        f"inference's {summary['full']['gmacs']:.4g} GMACs (full: {summary['full']['top1']:.1%})"
    )
    table.add_column("policy")
    for share in SHARES:
        table.add_column(f"{share:.0%}", justify="right")
    calibrated = "threshold" in rows[0]
    for column in ("threshold chosen", "top-1", "GMACs a video", "of full") if calibrated else ():
        table.add_column(column, justify="right")
    for row in rows:
        note = " (sees the labels: a bound, no method)" if row["sees_labels"] else ""
        read = [row[f"top1_at_{share:.0%}"] for share in SHARES]
        cells = ["–" if top1 is None else f"{top1:.1%}" for top1 in read]
        if calibrated:
            one = "," not in row["threshold"]
            cells += [row["threshold"] if one else "one each", f"{row['top1']:.1%}", f"{row['gmacs']:.4g}"]
            cells.append(f"{row['share_of_full']:.1%}")
        table.add_row(row["policy"] + note, *cells)
    return table
