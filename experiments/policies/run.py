"""Criteria and solvers at three budgets, from the recorded traces of a variant's seeds.

python -m experiments.policies.run --runs outputs/mocap --variant joint_tuned

Legend: V videos, K checkpoints, R resamples, S seeds, P points of a curve.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from experiments.policies.ceiling import ceiling
from experiments.training import write_rows
from torch import Tensor

from dyninf import Trace
from dyninf.configuration import choices, load_group, make
from dyninf.policies import Oracle, Policy
from dyninf.trace import (
    Interval,
    Promise,
    Resampling,
    area,
    budgeted,
    default_thresholds,
    resampled_curve,
    sweep,
)

HERE = Path(__file__).resolve().parent
PERCENTS = (50, 35, 25)
"""Of full inference's GMACs: the budgets."""
SOLVERS = ("single", "budgeted_batch", "direct")
CEILING = "oracle (no method)"
STATIC = "one checkpoint"
FLOOR = "random_exit"
AREA_POINTS = 100
RESAMPLING = Resampling()


@dataclass(frozen=True)
class Run:
    """The two traces of one seed."""

    seed: int
    calibration: Trace
    test: Trace


@dataclass(frozen=True)
class Cell:
    """One row at one budget: for each seed, which test videos are right and what each costs of full.

    calibration_S: top-1 in percent on the split that the thresholds are from; empty if they are from none.
    """

    criterion: str
    solver: str
    percent: int
    right_SV: Tensor
    share_SV: Tensor
    calibration_S: Sequence[float] = ()

    def top1(self) -> Interval:
        """In percent."""
        return over_seeds(100 * self.right_SV.double())

    def less(self, other: "Cell") -> Interval:
        """Points of top-1 over another row, video by video and seed by seed."""
        return over_seeds(100 * (self.right_SV.double() - other.right_SV.double()))

    def rows(self, runs: Sequence[Run]) -> Iterator[dict[str, object]]:
        """A row for each seed."""
        columns = (runs, self.right_SV, self.share_SV, self.calibration_S or ["" for _ in runs])
        for run, right_V, share_V, calibration in zip(*columns, strict=True):
            yield {
                "criterion": self.criterion,
                "solver": self.solver,
                "budget_percent": self.percent,
                "seed": run.seed,
                "top1": round(100 * right_V.double().mean().item(), 3),
                "percent_of_full_gmacs": round(100 * share_V.mean().item(), 3),
                "calibration_top1": calibration,
                "full_top1": round(100 * run.test.full().top1, 3),
            }


def main() -> None:
    """Solve, replay, resample, write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=Path, default=Path("outputs/mocap"), help="folder of the runs")
    parser.add_argument("--variant", default="joint_tuned", help="runs VARIANT-seedS of that folder")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    arguments = parser.parse_args()
    runs = [load(arguments.runs / f"{arguments.variant}-seed{seed}", seed) for seed in arguments.seeds]
    if any(run.test.video_ids != runs[0].test.video_ids for run in runs):
        raise ValueError("the seeds were tested on different videos, which cannot be paired")
    policies, missing = criteria(runs)
    cells = [*one_checkpoint(runs), *measured(runs, policies), *ceilings(runs)]
    write_rows(HERE / f"results-{arguments.variant}.csv", [row for cell in cells for row in cell.rows(runs)])
    text = "\n".join(tables(arguments.variant, runs, policies, missing, cells)) + "\n"
    (HERE / f"tables-{arguments.variant}.md").write_text(text)
    print(text)


def load(folder: Path, seed: int) -> Run:
    """A run's traces."""
    calibration, test = (Trace.load(folder / "trace" / split) for split in ("calibration", "test"))
    calibration.check_same_network(test)
    return Run(seed, calibration, test)


def criteria(runs: Sequence[Run]) -> tuple[dict[str, Policy], dict[str, str]]:
    """The policies of conf/policy; and those that need what these traces do not have, with why."""
    found: dict[str, Policy] = {}
    missing: dict[str, str] = {}
    for name in choices("policy"):
        policy: Policy = make(load_group("policy", name))
        if policy.sees_labels:  # its place is taken by the ceiling, which keeps to a budget
            continue
        try:
            for run in runs:
                run.test.scores(policy)
        except ValueError as error:
            missing[name] = str(error)
        else:
            found[name] = policy
    return found, missing


def measured(runs: Sequence[Run], policies: Mapping[str, Policy]) -> Iterator[Cell]:
    """Every criterion with every solver: thresholds from calibration, figures from the test split."""
    for name, policy in policies.items():
        for solver in SOLVERS:
            stops: dict[int, list[Tensor]] = {percent: [] for percent in PERCENTS}
            fitted: dict[int, list[float]] = {percent: [] for percent in PERCENTS}
            for run in runs:
                promise = Promise(solver=solver)
                for row in budgeted(run.calibration, run.test, policy, promise, PERCENTS, Resampling(1)):
                    chosen = policy.with_threshold(row["threshold"])
                    stops[row["percent_of_full"]].append(run.test.replay(chosen).checkpoint_V)
                    fitted[row["percent_of_full"]].append(round(100 * run.calibration.replay(chosen).top1, 3))
            for percent in PERCENTS:
                yield stopped(name, solver, percent, runs, stops[percent], fitted[percent])


def one_checkpoint(runs: Sequence[Run]) -> Iterator[Cell]:
    """No policy: all videos leave at the affordable checkpoint that is most often right on calibration."""
    for percent in PERCENTS:
        stops, fitted = [], []
        for run in runs:
            affordable_K = run.calibration.macs_K <= percent / 100 * run.calibration.macs_K[-1]
            top1_K = run.calibration.right_VK.double().mean(0)
            best = int(torch.where(affordable_K, top1_K, -1.0).argmax())
            stops.append(torch.full_like(run.test.label_V, best))
            fitted.append(round(100 * top1_K[best].item(), 3))
        yield stopped(STATIC, "for all videos", percent, runs, stops, fitted)


def ceilings(runs: Sequence[Run]) -> Iterator[Cell]:
    """What the test labels themselves would allow."""
    for percent in PERCENTS:
        stops = [
            ceiling(run.test.right_VK, run.test.macs_K, percent / 100 * run.test.macs_K[-1].item())
            for run in runs
        ]
        yield stopped(CEILING, "test labels", percent, runs, stops)


def stopped(
    criterion: str,
    solver: str,
    percent: int,
    runs: Sequence[Run],
    stops: Sequence[Tensor],
    calibration_S: Sequence[float] = (),
) -> Cell:
    """The row of a budget if the test videos of each run stop at these checkpoints."""
    right = [
        run.test.right_VK.gather(1, stop_V[:, None])[:, 0] for run, stop_V in zip(runs, stops, strict=True)
    ]
    share = [run.test.macs_K[stop_V] / run.test.macs_K[-1] for run, stop_V in zip(runs, stops, strict=True)]
    return Cell(criterion, solver, percent, torch.stack(right), torch.stack(share), calibration_S)


def over_seeds(value_SV: Tensor) -> Interval:
    """A mean over seeds and videos, resampled over both."""
    mean_SR = RESAMPLING.means(value_SV.T).T
    return RESAMPLING.interval(value_SV.double().mean().item(), RESAMPLING.over_seeds(mean_SR))


def areas(runs: Sequence[Run], policy: Policy) -> Interval:
    """The area under the test curve of one threshold at all checkpoints, in percent."""
    values, resampled = [], []
    for run in runs:
        threshold_P = default_thresholds(run.test, policy, AREA_POINTS)
        ends = run.test.macs_K[0].item(), run.test.macs_K[-1].item()
        curve = sweep(run.test, policy, threshold_P)
        values.append(area(curve.top1_P, curve.macs_P, *ends))
        resampled.append(area(*resampled_curve(run.test, policy, threshold_P, RESAMPLING), *ends))
    value_R = RESAMPLING.over_seeds(100 * torch.stack(resampled))
    return RESAMPLING.interval(100 * torch.stack(values).mean().item(), value_R)


def tables(
    variant: str,
    runs: Sequence[Run],
    policies: Mapping[str, Policy],
    missing: Mapping[str, str],
    cells: Sequence[Cell],
) -> Iterator[str]:
    """Markdown."""
    at = {(cell.criterion, cell.solver, cell.percent): cell for cell in cells}
    full = over_seeds(100 * torch.stack([run.test.right_VK[:, -1] for run in runs]).double())
    yield (
        f"`{variant}`, seeds {', '.join(str(run.seed) for run in runs)}, {runs[0].test.info.split}, "
        f"{len(runs[0].test.video_ids)} videos: top-1 in percent with {RESAMPLING.level:.0%} intervals over "
        "seeds and videos, and in brackets the GMACs that it really took there, in percent of full "
        "inference's."
    )
    yield f"\nFull inference: {shown(full)}.\n"
    yield f"| criterion | solver | {' | '.join(f'{percent} % of full' for percent in PERCENTS)} |"
    yield "| --- | --- |" + " --- |" * len(PERCENTS)
    for criterion, solver in dict.fromkeys((cell.criterion, cell.solver) for cell in cells):
        own = [at[criterion, solver, percent] for percent in PERCENTS]
        texts = (f"{shown(cell.top1())} [{100 * cell.share_SV.mean():.1f}]" for cell in own)
        yield f"| {criterion} | {solver} | {' | '.join(texts)} |"
    for name, reason in missing.items():
        yield f"\n{name} is not there: {reason}"
    yield (
        "\nThe oracle's row keeps to the budget and takes the videos that the labels say are right "
        f"soonest. Left alone it takes {natural(runs)}."
    )
    for title, other in (
        ("`direct` less `budgeted_batch`", lambda name: (name, "budgeted_batch")),
        (f"`direct` less {FLOOR} with `direct`", lambda name: (FLOOR, "direct")),
        ("`direct` less one checkpoint for all videos", lambda name: (STATIC, "for all videos")),
    ):
        yield f"\n{title}, points of top-1, paired:\n"
        yield f"| criterion | {' | '.join(f'{percent} % of full' for percent in PERCENTS)} |"
        yield "| --- |" + " --- |" * len(PERCENTS)
        for name in policies:
            if other(name) == (name, "direct"):
                continue
            pairs = [(at[name, "direct", percent], at[*other(name), percent]) for percent in PERCENTS]
            yield f"| {name} | {' | '.join(shown(a.less(b), sign='+') for a, b in pairs)} |"
    yield "\nTop-1 on calibration, where the thresholds are from, mean over the seeds:\n"
    yield f"| | {' | '.join(f'{percent} % of full' for percent in PERCENTS)} |"
    yield "| --- |" + " --- |" * len(PERCENTS)
    for name, solver in ((STATIC, "for all videos"), *((name, "direct") for name in policies)):
        fitted = (at[name, solver, percent].calibration_S for percent in PERCENTS)
        yield f"| {name}, {solver} | {' | '.join(f'{sum(top1) / len(top1):.1f}' for top1 in fitted)} |"
    yield (
        "\nArea under the test curve of one threshold at all checkpoints, in percent (`dyninf.trace.area`):\n"
    )
    yield "| criterion | area |"
    yield "| --- | --- |"
    for name, policy in policies.items():
        yield f"| {name} | {shown(areas(runs, policy))} |"


def natural(runs: Sequence[Run]) -> str:
    """The oracle's own operating point: the first checkpoint that is right, else the last."""
    outcomes = [run.test.replay(Oracle()) for run in runs]
    top1 = sum(outcome.top1 for outcome in outcomes) / len(runs)
    pairs = zip(outcomes, runs, strict=True)
    share = sum(outcome.mean_macs / run.test.macs_K[-1].item() for outcome, run in pairs) / len(runs)
    return f"{share:.1%} of full inference's GMACs and gets {top1:.1%} right"


def shown(interval: Interval, sign: str = "") -> str:
    """Value and bounds."""
    return f"{interval.value:{sign}.1f} ({interval.low:{sign}.1f} to {interval.high:{sign}.1f})"


if __name__ == "__main__":
    main()
