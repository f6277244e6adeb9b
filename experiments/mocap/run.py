"""Train every variant with every seed on the motion-capture benchmark; tabulate what their traces say.

python -m experiments.mocap.run            # trains what is missing, then writes the tables
python -m experiments.mocap.run --jobs 1   # one training at a time
"""

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from experiments.training import Study, spread, write_rows

from dyninf import Trace
from dyninf.data import Mocap
from dyninf.policies import Entropy, Margin, MaxProbability
from dyninf.report.figures.style import COLUMN, GRAY, color, legend_outside, line, panels, save_as, styled
from dyninf.trace import Curve, Promise, calibrate, sweep

HERE = Path(__file__).resolve().parent
PLAIN = "scheme=plain"
DYNAMIC = {
    "joint": ["scheme=joint"],
    # The second try goes on from the network with one head, and sees 16 frames.
    "joint_tuned": [
        *("scheme=joint", "scheme.shift=two_way", "dataset.num_frames=16"),
        "pretrained={runs}/one_head-seed{seed}/checkpoints/best.ckpt",
        *("trainer.max_epochs=4", "optimizer.lr=0.001"),
    ],
    # The third one goes on from that: all 32 frames of a clip in 8 groups, no heads after res3 and two after
    # res4, and the last checkpoint teaches those before it.
    "joint_32": [
        *("scheme=joint", "scheme.shift=two_way", "scheme.groups=8", "dataset.num_frames=32"),
        "scheme.checkpoints=[[1,3],[1,4],[2,3],[2,4],[3,4],[4,4],[5,4],[6,4],[7,4],[8,4]]",
        "distillation=last",
        "pretrained={runs}/joint_tuned-seed{seed}/checkpoints/best.ckpt",
        *("trainer.max_epochs=1", "optimizer.lr=0.0003"),
    ],
}
ONE_HEAD = {
    "one_head": [PLAIN],
    "order_blind": [PLAIN, "scheme.shift=none"],
    "single_frame": [PLAIN, "scheme.shift=none", "dataset.num_frames=1"],
}
VARIANTS = ONE_HEAD | DYNAMIC  # in the order in which they build on each other
BUDGET = "45%"  # of full inference's cost, on calibration: test videos are harder and cost more
CLASSES = {"top1": "all classes", "top1_scene": "scene classes", "top1_temporal": "temporal classes"}


def main() -> None:
    """Train, then tabulate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--runs", type=Path, default=Path("outputs/mocap"), help="folder of the runs")
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time, one thread each")
    arguments = parser.parse_args()
    study = Study("mocap", VARIANTS, arguments.runs, Mocap)
    study.train(arguments.jobs)
    rows = study.measure()
    write_rows(HERE / "results.csv", rows)
    dynamic = [dynamic_figures(study, variant, seed) for variant in DYNAMIC for seed in study.seeds]
    write_rows(HERE / "dynamic.csv", dynamic)
    by_checkpoint = [row for variant in DYNAMIC for row in thresholds_by_checkpoint(study, variant)]
    write_rows(HERE / "by_checkpoint.csv", by_checkpoint)
    lines = [*tables(rows, dynamic), *by_checkpoint_table(by_checkpoint)]
    (HERE / "tables.md").write_text("\n".join(lines) + "\n")
    draw(study, rows, HERE / "curve.png")
    print((HERE / "tables.md").read_text())


def dynamic_figures(study: Study, variant: str, seed: int) -> dict[str, object]:
    """A run's test split, left for real with the threshold that the calibration split gave."""
    folder = study.folder(variant, seed)
    summary = json.loads((folder / "summary.json").read_text())
    calibration, test = (Trace.load(folder / "trace" / split) for split in ("calibration", "test"))
    chosen = calibrate(calibration, MaxProbability())
    if summary["threshold"] != chosen.threshold or summary["replay_agrees"] != summary["videos"]:
        raise RuntimeError(f"{folder}: the run's own threshold or exits differ from those of its traces")
    outcome = test.replay(chosen)
    right_V = outcome.predicted_V == test.label_V
    temporal_V = sum(test.label_V == label for label in Mocap.temporal_classes).bool()
    full, left = summary["full"], summary["dynamic"]
    return {
        "variant": variant,
        "seed": seed,
        "threshold": round(float(summary["threshold"]), 4),
        "full_top1": round(100 * full["top1"], 3),
        "top1": round(100 * left["top1"], 3),
        "top1_scene": round(100 * right_V[~temporal_V].double().mean().item(), 3),
        "top1_temporal": round(100 * right_V[temporal_V].double().mean().item(), 3),
        "full_gmacs": round(full["gmacs"], 6),
        "gmacs": round(left["gmacs"], 6),
        "share": round(100 * left["gmacs"] / full["gmacs"], 2),
        # What the calibrated threshold leaves on the table: the least cost at which some threshold would
        # have kept full inference's accuracy on the test split itself. Not an operating point: it is
        # chosen on the split that it is reported on.
        "least_share_in_hindsight": round(least_share(test), 2),
        "calibration_full": round(100 * calibration.full().top1, 3),
        "calibration_half": round(100 * at_half(calibration, calibration), 3),
        "half": round(100 * at_half(calibration, test), 3),
    }


def thresholds_by_checkpoint(study: Study, variant: str) -> Iterator[dict[str, object]]:
    """Every criterion with a threshold for each checkpoint, within `BUDGET` on calibration, seed by seed."""
    for criterion in (MaxProbability, Margin, Entropy):
        for solver in ("budgeted_batch", "direct"):
            for seed in study.seeds:
                folder = study.folder(variant, seed) / "trace"
                calibration, test = (Trace.load(folder / split) for split in ("calibration", "test"))
                chosen = calibrate(calibration, criterion(), Promise(budget=BUDGET, solver=solver))
                outcome = test.replay(chosen)
                yield {
                    "variant": variant,
                    "criterion": criterion.__name__,
                    "solver": solver,
                    "seed": seed,
                    "full_top1": round(100 * test.full().top1, 3),
                    "top1": round(100 * outcome.top1, 3),
                    "share": round(100 * outcome.mean_macs / test.macs_K[-1].item(), 2),
                }


def at_half(calibration: Trace, trace: Trace) -> float:
    """Top-1 on `trace` with the threshold that spends most, but at most half of full, on calibration."""
    curve = own_curve(calibration)
    within = [p for p, macs in enumerate(curve.macs_P) if macs <= 0.5 * calibration.macs_K[-1]]
    best = max(within, key=lambda p: curve.macs_P[p].item())
    return trace.replay(MaxProbability(curve.threshold_P[best].item())).top1


def least_share(trace: Trace) -> float:
    """Percent of full inference's MACs at the cheapest point of a split's own curve that loses nothing."""
    curve = own_curve(trace)
    keeps = curve.top1_P >= trace.full().top1
    return 100 * curve.macs_P[keeps].min().item() / trace.macs_K[-1].item()


def own_curve(trace: Trace) -> Curve:
    """Accuracy against cost over thresholds."""
    return sweep(trace, MaxProbability(), 400)


def tables(rows: Sequence[dict[str, object]], dynamic: Sequence[dict[str, object]]) -> Iterator[str]:
    """Markdown: full inference of every variant, then dynamic against full inference."""
    yield "Top-1 in percent on the test split, mean ± standard deviation over 3 seeds.\n"
    yield f"| full inference | GMACs | {' | '.join(CLASSES.values())} |"
    yield "| --- |" + " --- |" * (1 + len(CLASSES))
    for variant in VARIANTS:
        last = [row for row in rows if row["variant"] == variant and row["last"]]
        yield f"| {variant} | {last[0]['gmacs']} | {' | '.join(column(last, key) for key in CLASSES)} |"
    yield "\nLeaving for real; the threshold is the cheapest that loses nothing on calibration:\n"
    yield (
        "| variant, seed | threshold | full | dynamic | difference | scene | temporal | GMACs of full "
        "| in hindsight | at 50 % |"
    )
    yield "| --- |" + " --- |" * 9
    for variant in DYNAMIC:
        own = [row for row in dynamic if row["variant"] == variant]
        for row in own:
            yield (
                f"| {variant}, {row['seed']} | {row['threshold']} | {row['full_top1']} | {row['top1']} "
                f"| {gain(row):+.2f} | {row['top1_scene']} | {row['top1_temporal']} | {row['share']} % "
                f"| {row['least_share_in_hindsight']} % | {row['half']} |"
            )
        yield f"| **{variant}** | | {' | '.join(spread_cells(own))} |"
    yield (
        "\nIn hindsight: the least cost at which some threshold keeps full inference's top-1 on the test "
        "split itself; no operating point, since it is chosen on the split that it is reported on. At 50 %: "
        "top-1 with the threshold that costs at most half of full inference on calibration."
    )


def by_checkpoint_table(rows: Sequence[dict[str, object]]) -> Iterator[str]:
    """Markdown: a line a variant, criterion and solver."""
    yield f"\nA threshold for each checkpoint, costing at most {BUDGET} of full inference on calibration:\n"
    yield "| variant | criterion | solver | dynamic | difference | of each seed | GMACs of full |"
    yield "| --- |" + " --- |" * 6
    for key in dict.fromkeys((row["variant"], row["criterion"], row["solver"]) for row in rows):
        own = [row for row in rows if (row["variant"], row["criterion"], row["solver"]) == key]
        gains = [gain(row) for row in own]
        yield (
            f"| {' | '.join(map(str, key))} | {column(own, 'top1')} | {spread(gains, sign=True)} "
            f"| {', '.join(f'{one:+.2f}' for one in gains)} | {column(own, 'share')} % |"
        )


def spread_cells(rows: Sequence[dict[str, object]]) -> Iterator[str]:
    """What all seeds of a variant give, in the order of its rows."""
    yield from (column(rows, key) for key in ("full_top1", "top1"))
    yield spread([gain(row) for row in rows], sign=True)
    yield from (column(rows, key) for key in ("top1_scene", "top1_temporal"))
    yield from (f"{column(rows, key)} %" for key in ("share", "least_share_in_hindsight"))
    yield column(rows, "half")


def gain(row: dict[str, object]) -> float:
    """Points of dynamic over full inference."""
    return float(row["top1"]) - float(row["full_top1"])  # type: ignore[arg-type]


@styled()
def draw(study: Study, rows: Sequence[dict[str, object]], path: Path) -> None:
    """Top-1 against mean GMACs: every seed's test curve, its operating point, and the other networks."""
    drawing, (axes,) = panels(1, COLUMN, 2.6)
    entries = []
    for i, variant in enumerate(DYNAMIC):
        for seed in study.seeds:
            trace = Trace.load(study.folder(variant, seed) / "trace" / "test")
            curve, point = own_curve(trace), dynamic_figures(study, variant, seed)
            (drawn,) = axes.plot(curve.macs_P.numpy() / 1e9, 100 * curve.top1_P.numpy(), **line(i))
            (chosen,) = axes.plot(point["gmacs"], point["top1"], "o", color=color(i))
        entries.append((drawn, variant))
    for marker, variant in zip("s^v", ONE_HEAD, strict=True):
        last = [row for row in rows if row["variant"] == variant and row["last"]]
        points = ([row[key] for row in last] for key in ("gmacs", "top1"))
        (drawn,) = axes.plot(*points, marker, color=GRAY)
        entries.append((drawn, variant))
    axes.set(xlabel="mean GMACs a video", ylabel="top-1 (%)", title="resnet_small, mocap/test, every seed")
    axes.set_xlim(left=0)
    axes.grid()
    legend_outside(drawing, [*entries, (chosen, "threshold from calibration")])
    save_as(drawing, path)


def column(rows: Sequence[dict[str, object]], key: str) -> str:
    """Spread of a column."""
    return spread([float(row[key]) for row in rows])  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
