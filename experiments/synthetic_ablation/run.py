"""Train every variant with every seed, and tabulate what their test traces say.

python -m experiments.synthetic_ablation.run            # trains what is missing, then writes the tables
python -m experiments.synthetic_ablation.run --jobs 1   # one training at a time
"""

import argparse
import statistics
from collections.abc import Iterator
from pathlib import Path

from experiments.training import Study, spread, write_rows

from dyninf.report.figures.style import COLUMN, color, legend_outside, line, marker, panels, save_as, styled

HERE = Path(__file__).resolve().parent
VARIANTS = {
    "depth": ["scheme=depth"],
    "input": ["scheme=input"],
    "joint": ["scheme=joint"],
    "input_plain_order": ["scheme=input", "scheme.order=plain"],
    "input_2_groups": ["scheme=input", "scheme.groups=2"],
    "input_2_groups_plain_order": ["scheme=input", "scheme.groups=2", "scheme.order=plain"],
    "input_no_shift": ["scheme=input", "scheme.shift=none"],
}


def main() -> None:
    """Train, then tabulate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument(
        "--runs", type=Path, default=Path("outputs/synthetic_ablation"), help="folder of the runs"
    )
    parser.add_argument("--jobs", type=int, default=2, help="trainings at a time, one thread each")
    arguments = parser.parse_args()
    study = Study("synthetic_ablation", VARIANTS, arguments.runs)
    study.train(arguments.jobs)
    rows = study.measure()
    write_rows(HERE / "results.csv", rows)
    (HERE / "tables.md").write_text("\n".join(tables(rows)) + "\n")
    figure(rows, HERE / "checkpoints.png")
    print((HERE / "tables.md").read_text())


def tables(rows: list[dict[str, object]]) -> Iterator[str]:
    """Markdown: full inference of every variant, then permutation against plain order."""
    yield "Top-1 in percent on the test split, mean ± standard deviation over 3 seeds.\n"
    yield "Full inference:\n"
    yield "| variant | GMACs | all classes | temporal classes | scene classes |"
    yield "| --- | --- | --- | --- | --- |"
    for variant in VARIANTS:
        last = [row for row in rows if row["variant"] == variant and row["last"]]
        columns = [column(last, key) for key in ("top1", "top1_temporal", "top1_scene")]
        yield f"| {variant} | {last[0]['gmacs']} | {' | '.join(columns)} |"
    yield from order_table(rows, "4 groups of 2 frames", "input", "input_plain_order")
    yield from order_table(rows, "2 groups of 4 frames", "input_2_groups", "input_2_groups_plain_order")
    shift, none = (
        [row for row in rows if row["variant"] == variant and row["last"]]
        for variant in ("input", "input_no_shift")
    )
    yield "\nOnline shift against none (input axis, full inference), seed by seed:\n"
    for key, classes in (("top1_temporal", "temporal"), ("top1_scene", "scene")):
        gain = [{"top1": float(a[key]) - float(b[key])} for a, b in zip(shift, none, strict=True)]  # type: ignore[arg-type]
        yield f"- {classes} classes: {column(gain, 'top1')} points"


def order_table(
    rows: list[dict[str, object]], groups: str, permuted_name: str, plain_name: str
) -> Iterator[str]:
    """Markdown: permuted against plain order at each checkpoint of the input axis."""
    yield f"\nInput axis, {groups}, each checkpoint for all videos; the difference is taken seed by seed:\n"
    yield "| checkpoint | GMACs | permuted | plain order | permuted − plain |"
    yield "| --- | --- | --- | --- | --- |"
    for name in dict.fromkeys(row["checkpoint"] for row in rows if row["variant"] == permuted_name):
        permuted, plain = (
            [row for row in rows if row["variant"] == variant and row["checkpoint"] == name]
            for variant in (permuted_name, plain_name)
        )
        difference = [
            {"top1": float(a["top1"]) - float(b["top1"])} for a, b in zip(permuted, plain, strict=True)
        ]  # type: ignore[arg-type]
        yield (
            f"| {name} | {permuted[0]['gmacs']} | {column(permuted, 'top1')} | {column(plain, 'top1')} "
            f"| {column(difference, 'top1')} |"
        )


@styled()
def figure(rows: list[dict[str, object]], path: Path) -> None:
    """Top-1 against GMACs, every checkpoint for all videos; bars are one standard deviation over seeds."""
    drawing, (axes,) = panels(1, COLUMN, 2.6)
    entries = []
    for i, variant in enumerate(VARIANTS):
        points: dict[object, list[float]] = {}
        for row in rows:
            if row["variant"] == variant:
                points.setdefault(row["gmacs"], []).append(float(row["top1"]))  # type: ignore[arg-type]
        means = [statistics.mean(values) for values in points.values()]
        errors = [statistics.stdev(values) for values in points.values()]
        axes.errorbar(list(points), means, errors, color=color(i), linestyle="", elinewidth=0.8)  # type: ignore[arg-type]
        (drawn,) = axes.plot(list(points), means, **line(i), marker=marker(i))  # type: ignore[arg-type]
        entries.append((drawn, variant.replace("_", " ")))
    axes.set(xlabel="GMACs a video", ylabel="top-1 (%)", title="resnet_small, 8 frames, synthetic/test")
    axes.set_xlim(left=0)
    axes.grid()
    legend_outside(drawing, entries)
    save_as(drawing, path)


def column(rows: list[dict[str, object]] | list[dict[str, float]], key: str) -> str:
    """Spread of a column."""
    return spread([float(row[key]) for row in rows])  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
