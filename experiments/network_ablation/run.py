"""Train every variant with every seed, and tabulate what their traces say.

    python -m experiments.network_ablation.run            # trains what is missing, then writes the tables
    python -m experiments.network_ablation.run --jobs 1   # one training at a time

Legend: P operating points.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path
from statistics import mean

import numpy as np
from experiments.training import Study, spread, write_rows

from dyninf import Trace
from dyninf.policies import MaxProbability
from dyninf.report.figures.style import COLUMN, color, legend_outside, line, panels, save_as, styled
from dyninf.trace import Curve, default_thresholds, sweep

HERE = Path(__file__).resolve().parent

RESNET = ["backbone=resnet_small"]
MSDNET = ["backbone=msdnet_small"]
VARIANTS = {
    "resnet_depth": [*RESNET, "scheme=depth"],
    "resnet_input": [*RESNET, "scheme=input"],
    "resnet_joint": [*RESNET, "scheme=joint"],
    "msdnet_depth": [*MSDNET, "scheme=depth"],
    "msdnet_input": [*MSDNET, "scheme=input"],
    "msdnet_joint": [*MSDNET, "scheme=joint"],
    "msdnet_joint_bottleneck": [*MSDNET, "backbone.shift_place=bottleneck"],
    "resnet_joint_nearest": [*RESNET, "scheme.shift=nearest"],
    "msdnet_joint_nearest": [*MSDNET, "scheme.shift=nearest"],
    "resnet_joint_two_way": [*RESNET, "scheme.shift=two_way"],
    "msdnet_joint_two_way": [*MSDNET, "scheme.shift=two_way"],
    "resnet_joint_distilled": [*RESNET, "distillation=last"],
    "msdnet_joint_distilled": [*MSDNET, "distillation=last"],
    # Features that are added up need one width; the networks beside them have that width too.
    "resnet_joint_cells": [*RESNET, "scheme.average=cells", "backbone.head_width=192"],
    "msdnet_joint_cells": [*MSDNET, "scheme.average=cells", "backbone.head_width=128"],
    "resnet_joint_wide": [*RESNET, "backbone.head_width=192"],
    "msdnet_joint_wide": [*MSDNET, "backbone.head_width=128"],
    "msdnet_depth_bottleneck": [*MSDNET, "scheme=depth", "backbone.shift_place=bottleneck"],
}
SCHEMES = [name for name in VARIANTS if name.split("_", 1)[1] in ("depth", "input", "joint")]
COMPARISONS = {  # variant → what it is compared with
    "shift place in MSDNet, bottleneck against dense": {
        "msdnet_joint_bottleneck": "msdnet_joint",
        "msdnet_depth_bottleneck": "msdnet_depth",
    },
    "shift from the nearest earlier frame in time, against the one processed before": {
        "resnet_joint_nearest": "resnet_joint",
        "msdnet_joint_nearest": "msdnet_joint",
    },
    "shift both ways inside a group, against from before only": {
        "resnet_joint_two_way": "resnet_joint",
        "msdnet_joint_two_way": "msdnet_joint",
    },
    "head features averaged over all cells so far, against over one stage (heads of equal width)": {
        "resnet_joint_cells": "resnet_joint_wide",
        "msdnet_joint_cells": "msdnet_joint_wide",
    },
    "self-distillation from the last checkpoint, against labels alone": {
        "resnet_joint_distilled": "resnet_joint",
        "msdnet_joint_distilled": "msdnet_joint",
    },
}
FIGURES = {
    "full": "full inference",
    "full_temporal": "temporal classes",
    "full_scene": "scene classes",
    "first": "first checkpoint",
    "checkpoints": "mean of the checkpoints",
    "half": "at 50 % of the GMACs",
    "third": "at 33 %",
}
BUDGETS = {"half": 1 / 2, "third": 1 / 3}


def main() -> None:
    """Train, then tabulate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--runs", type=Path, default=Path("outputs/network_ablation"), help="folder of the runs"
    )
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time, one thread each")
    arguments = parser.parse_args()
    study = Study("network_ablation", VARIANTS, arguments.runs)
    study.train(arguments.jobs)
    write_rows(HERE / "checkpoints.csv", study.measure())
    rows = [figures(study, variant, seed) for variant in VARIANTS for seed in study.seeds]
    write_rows(HERE / "results.csv", rows)
    (HERE / "tables.md").write_text("\n".join(tables(rows)) + "\n")
    draw(study, HERE / "schemes.png")
    print((HERE / "tables.md").read_text())


def figures(study: Study, variant: str, seed: int) -> dict[str, object]:
    """One run: percentages, and GMACs a video. Thresholds of a budget are those of the calibration split."""
    checkpoints = list(study.checkpoints(variant, seed))
    last = checkpoints[-1]
    curve = reported_curve(study, variant, seed)
    row: dict[str, object] = {
        "variant": variant,
        "seed": seed,
        "gmacs": last["gmacs"],
        "full": last["top1"],
        "full_temporal": last["top1_temporal"],
        "full_scene": last["top1_scene"],
        "first": checkpoints[0]["top1"],
        "checkpoints": round(mean(float(c["top1"]) for c in checkpoints), 3),  # type: ignore[arg-type]
    }
    calibration = calibration_curve(study, variant, seed)
    for name, share in BUDGETS.items():
        # The dearest operating point that keeps the budget on the calibration split.
        within = [p for p, macs in enumerate(calibration.macs_P) if macs <= share * calibration.macs_P.max()]
        chosen = max(within, key=lambda p: calibration.macs_P[p].item()) if within else None
        row[name] = "" if chosen is None else round(100 * curve.top1_P[chosen].item(), 3)
        row[f"{name}_gmacs"] = "" if chosen is None else round(curve.macs_P[chosen].item() / 1e9, 6)
    return row


def calibration_curve(study: Study, variant: str, seed: int) -> Curve:
    """Accuracy against cost on the calibration split."""
    trace = Trace.load(study.folder(variant, seed) / "trace" / "calibration")
    return sweep(trace, MaxProbability(), default_thresholds(trace, MaxProbability(), 400))


def reported_curve(study: Study, variant: str, seed: int) -> Curve:
    """The test split with the same thresholds, point by point."""
    trace = Trace.load(study.folder(variant, seed) / "trace" / "test")
    return sweep(trace, MaxProbability(), calibration_curve(study, variant, seed).threshold_P)


def tables(rows: Sequence[dict[str, object]]) -> Iterator[str]:
    """Markdown: every variant, then the differences seed by seed."""
    yield "Top-1 in percent on the test split, mean ± standard deviation over 3 seeds.\n"
    yield f"| variant | GMACs | {' | '.join(FIGURES.values())} |"
    yield "| --- | --- |" + " --- |" * len(FIGURES)
    for variant in VARIANTS:
        own = of(rows, variant)
        yield f"| {variant} | {own[0]['gmacs']} | {' | '.join(column(own, key) for key in FIGURES)} |"
    for title, pairs in COMPARISONS.items():
        yield f"\n**{title[0].upper()}{title[1:]}**; differences in points, taken seed by seed:\n"
        yield f"| variant | {' | '.join(FIGURES.values())} |"
        yield "| --- |" + " --- |" * len(FIGURES)
        for variant, reference in pairs.items():
            cells = [difference(of(rows, variant), of(rows, reference), key) for key in FIGURES]
            yield f"| {variant} − {reference} | {' | '.join(cells)} |"


def of(rows: Sequence[dict[str, object]], variant: str) -> list[dict[str, object]]:
    """The rows of a variant, a seed each."""
    return [row for row in rows if row["variant"] == variant]


def column(rows: Sequence[dict[str, object]], key: str) -> str:
    """Spread of a figure; a dash where a budget is below the first checkpoint."""
    values = [row[key] for row in rows]
    return "–" if "" in values else spread([float(value) for value in values])  # type: ignore[arg-type]


def difference(rows: Sequence[dict[str, object]], others: Sequence[dict[str, object]], key: str) -> str:
    """Spread of the differences, seed by seed."""
    pairs = [(a[key], b[key]) for a, b in zip(rows, others, strict=True)]
    if any("" in pair for pair in pairs):
        return "–"
    return spread([float(a) - float(b) for a, b in pairs], sign=True)  # type: ignore[arg-type]


@styled()
def draw(study: Study, path: Path) -> None:
    """Top-1 against mean GMACs of every scheme: mean over seeds, with one standard deviation around it."""
    drawing, (axes,) = panels(1, COLUMN, 2.6)
    entries = []
    for i, variant in enumerate(SCHEMES):
        curves = [reported_curve(study, variant, seed) for seed in study.seeds]
        start = max(curve.macs_P.min().item() for curve in curves) / 1e9
        end = min(curve.macs_P.max().item() for curve in curves) / 1e9
        gmacs_P = np.linspace(start, end, 100)
        top1 = np.stack([interpolated(curve, gmacs_P) for curve in curves])
        (drawn,) = axes.plot(gmacs_P, top1.mean(0), **line(i))
        entries.append((drawn, variant.replace("_", "_small, ", 1)))
        low, high = top1.mean(0) - top1.std(0, ddof=1), top1.mean(0) + top1.std(0, ddof=1)
        axes.fill_between(gmacs_P, low, high, color=color(i), alpha=0.15, linewidth=0)
    axes.set(xlabel="mean GMACs a video", ylabel="top-1 (%)", title="8 frames, synthetic/test, 3 seeds")
    axes.set_xlim(left=0)
    axes.grid()
    legend_outside(drawing, entries)
    save_as(drawing, path)


def interpolated(curve: Curve, gmacs_P: np.ndarray) -> np.ndarray:
    """Top-1 in percent at given costs."""
    order = curve.macs_P.argsort()
    return np.interp(gmacs_P, curve.macs_P[order].numpy() / 1e9, 100 * curve.top1_P[order].numpy())


if __name__ == "__main__":
    main()
