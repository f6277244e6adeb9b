"""From a trained network to its figures: traces, threshold, real exits, files."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from rich.console import Console
from rich.progress import track

from dyninf.data import VideoDataModule
from dyninf.grid import Network
from dyninf.json_file import write_json
from dyninf.policies import Outcome, Policy
from dyninf.report.error_bars import add_error_bars, shown_difference
from dyninf.report.figures import save_curve, save_reliability
from dyninf.report.grid_figures import grid_figures
from dyninf.report.record_split import known_trace, record_split
from dyninf.report.reliability import reliability_figures
from dyninf.report.summary import (
    agreement,
    checkpoint_table,
    comparison_table,
    outcome_figures,
    policy_figures,
    shown_threshold,
    time_figures,
    trace_figures,
)
from dyninf.report.time_report import shape_of, time_of_split
from dyninf.runtime import evaluate
from dyninf.trace import (
    Curve,
    FittedPolicy,
    Milliseconds,
    Promise,
    Recording,
    Trace,
    calibrate,
    sweep,
    uncertified,
)


@dataclass(frozen=True)
class Assessment:
    """The figures (also in ``summary.json``) and the curve (``curve.csv``, ``curve.png``).

    trace: of the split that is reported. policy, left: what was used, and what it did; `left` is None where
    no threshold was given or chosen. Beside the files lie the tables of `add_error_bars`, and
    ``reliability.png``, which shows the probabilities of each checkpoint.
    """

    summary: dict[str, Any]
    curve: Curve
    trace: Trace
    policy: Policy
    left: Outcome | None = None


def assess(
    network: Network,
    datamodule: VideoDataModule,
    policy: Policy | FittedPolicy,
    output: Path,
    promise: Promise | None = None,
    split: str = "test",
    known_traces: Path | None = None,
    keep_calibration: bool = False,
    device: torch.device | str = "cpu",
    milliseconds: Milliseconds | None = None,
    recording: Recording | None = None,
    kept: Iterable[Path] = (),
) -> Assessment | None:
    """Record traces, choose thresholds on the calibration split, leave for real on `split`, report.

    The thresholds keep `promise` on the calibration split. A policy that has one already keeps that; the
    calibration split is then recorded only with `keep_calibration`. What was used is in ``policy.json``.
    A promise in milliseconds takes `milliseconds`, or a table that is measured now. Traces go to
    ``output/trace/SPLIT``; those below `known_traces` are used instead of recording again where they are of
    this network and split. What was recorded in `output` before, of the same, is not recorded again.

    recording: how, and which of several processes this is: all of them record, and the first one does the
    rest; the others get None. kept: files of the run, which have to be there still when figures are written.

    Videos that the data set skips (`on_error`) are in neither a trace nor a figure; it is said how many.

    Raises ValueError if the threshold would have to be chosen on the split that is reported, or the policy is
    not for this network, or from a file that was fitted on that split. FileNotFoundError as of `check_kept`.
    """
    network = network.float().to(device)  # figures are those of float32, whatever the training ran in
    console = Console()
    if isinstance(policy, FittedPolicy):
        policy.check_fits(network, datamodule.split_name(split))
    to_fit = isinstance(policy, Policy) and policy.threshold is None
    if to_fit and split == "calibration":
        raise ValueError("a threshold cannot be chosen on the split that is reported; give policy.threshold")
    criterion = policy.policy if isinstance(policy, FittedPolicy) else policy
    criterion.check_fits(len(network.checkpoints), network.gates is not None)
    recording = recording or Recording()
    if recording.share.is_first:
        datamodule.keep_skipped(output)
    traces = {}
    for name in ["calibration", split] if keep_calibration or to_fit else [split]:
        found = None
        if known_traces is not None:
            found = known_trace(known_traces / name, network, datamodule, name, recording.logits)
        if found is None:
            found = record_split(network, datamodule, name, output / "trace" / name, recording, console)
        if found is not None:
            traces[name] = found
    if not recording.share.is_first:
        return None
    if isinstance(policy, FittedPolicy):
        fitted = policy
    elif to_fit:
        promise, calibration = promise or Promise(), traces["calibration"]
        if promise.unit == "ms" and milliseconds is None:
            milliseconds = time_of_split(network, datamodule)
            milliseconds.save(output / "milliseconds.json")
        policy = calibrate(calibration, policy, promise, milliseconds=milliseconds)
        fitted = FittedPolicy.of(policy, calibration, promise, milliseconds)
        console.print(f"threshold {shown_threshold(policy.threshold)}: {promise}", highlight=False)
        if uncertain := uncertified(calibration, policy, promise):
            console.print(uncertain, highlight=False)
    else:
        fitted = FittedPolicy.of(policy, traces[split])
    policy = fitted.policy
    batches = track(datamodule.dataloader(split), f"{split}: every video, leaving for real", console=console)
    left = evaluate(network, batches, policy)
    left_out = datamodule.skipped.of(split)
    trace = traces[split].without(left_out)  # a video may fail now that could be read for the trace
    summary = trace_figures(trace) | policy_figures(policy, left) | {"left_out": len(left_out)}
    crop, views = shape_of(datamodule)
    summary["grid"] = grid_figures(network, crop, crop, views)
    if milliseconds is not None:
        summary["milliseconds"] = time_figures(milliseconds, summary["dynamic"]["exit_share"])
    summary["replay_agrees"] = agreement(left, trace.replay(policy))
    curve = sweep(trace, policy, 200)
    held_out = traces.get("calibration") if split != "calibration" else None
    summary, curve = add_error_bars(summary, curve, trace, policy, output, left, held_out, promise)
    reliability = reliability_figures(trace, policy.temperature)
    for row, figures in zip(summary["checkpoints"], reliability, strict=True):
        row |= figures
    if held_out is not None:
        summary["calibration"] = outcome_figures(held_out.replay(policy))

    check_kept(kept)
    fitted.save(output / "policy.json")
    write_json(output / "summary.json", summary, indent=2)
    curve.save(output / "curve.csv")
    save_curve(output / "curve.png", curve, summary)
    save_reliability(output / "reliability.png", trace, policy.temperature)
    console.print(checkpoint_table(summary))
    console.print(comparison_table(summary))
    console.print(shown_difference(summary), highlight=False)
    console.print(
        f"replaying the trace gives the same label and checkpoint for {summary['replay_agrees']} of "
        f"{summary['videos']} videos"
    )
    for name in datamodule.splits:
        if skipped := datamodule.skipped.of(name):
            console.print(
                f"{name}: {len(skipped)} of {datamodule.skipped.sizes[name]} videos could not be read and "
                f"were left out; {output / 'skipped.csv'} names them"
            )
    written = ["summary.json", "policy.json", "curve.csv", "curve.png", "reliability.png", "anytime.csv"]
    written += ["classes.csv"] + (["budgeted.csv"] if held_out is not None else [])
    console.print(f"written to {output}: {', '.join(written)}")
    return Assessment(summary, curve, trace, policy, left)


def check_kept(files: Iterable[Path]) -> None:
    """Raise FileNotFoundError that names the first file that is gone: figures alone would pass for a run."""
    for path in files:
        if not path.is_file():
            raise FileNotFoundError(f"{path} was removed meanwhile; start it again")
