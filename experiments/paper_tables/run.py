"""Set the paper's "Proposed" rows beside the networks that their experiments build, and tabulate both.

python -m experiments.paper_tables.run
"""

import csv
from collections.abc import Iterator, Sequence
from functools import cache

import torch
from experiments.paper_tables.published import HERE, Published, classes, published, read
from hydra import compose, initialize_config_dir

import dyninf
from dyninf.checkpoint_file import make_network
from dyninf.configuration import CONF
from dyninf.grid import Network

SIZE = 224  # side of a frame in pixels
IMAGENET_CLASSES = 1000
MARK = "## Tables\n\n"  # what stands below it in the README is written by `main`
Row = dict[str, str]


def main() -> None:
    """Write results.csv and the README's tables, and print the tables."""
    rows = results()
    with open(HERE / "results.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    readme = HERE / "README.md"
    text = tables(rows)
    readme.write_text(readme.read_text().partition(MARK)[0] + MARK + text)
    print(text)


def results() -> list[Row]:
    """Each published row with what is counted on its network; "" where the paper does not print a figure."""
    return [_result(row) for row in published()]


def _result(row: Published) -> Row:
    network = experiment_network(row.experiment, classes()[row.dataset])
    params_m, full_gmacs = parameters(network) / 1e6, network.costs(SIZE, SIZE).gmacs_K[-1]
    return {
        "experiment": row.experiment,
        "backbone": row.backbone,
        "inference": "full" if row.full else "dynamic",
        "classes": str(network.num_classes),
        "paper_params_m": _number(row.params_m),
        "params_m": f"{params_m:.3f}",
        "params_difference_percent": _difference(params_m, row.params_m),
        "paper_full_gmacs": _number(row.full_gmacs),
        "full_gmacs": f"{full_gmacs:.3f}",
        "full_difference_percent": _difference(full_gmacs, row.full_gmacs),
        "paper_gmacs": _number(row.gmacs),
        "paper_gmacs_of_full_percent": f"{100 * row.gmacs / full_gmacs:.1f}",
        "paper_top1": row.top1,
        "paper_top5": row.top5 or "",
        "top1": "not run",
    }


@cache
def experiment_network(experiment: str, num_classes: int) -> Network:
    """The network that an experiment trains, without values for its weights."""
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = compose("train", [f"experiment={experiment}"])
    with torch.device("meta"):
        return make_network(config, num_classes)


def parameters(network: Network) -> int:
    """How many weights there are to learn."""
    return sum(parameter.numel() for parameter in network.parameters())


def tables(rows: Sequence[Row]) -> str:
    """Markdown: parameters and full inference, dynamic inference, MSDNet-38 block by block."""
    return "\n".join([*_full_table(rows), "", *_dynamic_table(rows), "", *_block_table()]) + "\n"


def _full_table(rows: Sequence[Row]) -> Iterator[str]:
    yield "Parameters (M) and GMACs of full inference, 16 frames of 224×224:\n"
    yield from _table(
        "experiment|classes|params, paper|params|difference, %|full, paper|full|difference, %".split("|"),
        [
            [
                row["experiment"],
                row["classes"],
                row["paper_params_m"],
                row["params_m"],
                row["params_difference_percent"],
                row["paper_full_gmacs"],
                row["full_gmacs"],
                row["full_difference_percent"],
            ]
            for row in rows
            if row["inference"] == "dynamic"
        ],
    )


def _dynamic_table(rows: Sequence[Row]) -> Iterator[str]:
    yield "Published accuracy (%) and mean GMACs a video, also as a share of full inference of our network:\n"
    yield from _table(
        "experiment|inference|top-1, paper|top-5, paper|top-1|GMACs, paper|of our full, %".split("|"),
        [
            [
                row["experiment"],
                row["inference"],
                row["paper_top1"],
                row["paper_top5"],
                row["top1"],
                row["paper_gmacs"],
                row["paper_gmacs_of_full_percent"],
            ]
            for row in rows
        ],
    )


def _block_table() -> Iterator[str]:
    backbone = "msdnet38"
    paper = next(row for row in published() if row.full)
    per_block = read("msdnet38_blocks.csv")
    with torch.device("meta"):
        network = dyninf.build_network(backbone, "depth", classes()[paper.dataset], num_frames=1)
        imagenet = dyninf.build_network(backbone, "depth", IMAGENET_CLASSES, num_frames=1)
    mmacs_K = [1e3 * gmacs for gmacs in network.costs(SIZE, SIZE).gmacs_K]
    rows = []
    for row, mmacs in zip(per_block, mmacs_K, strict=True):
        authors, fvcore = float(row["authors_counter_mmacs"]), float(row["fvcore_mmacs"])
        rows.append(
            [
                row["block"],
                row["authors_counter_mmacs"],
                row["fvcore_mmacs"],
                f"{mmacs:.2f}",
                _difference(mmacs, authors),
                _difference(mmacs, fvcore),
            ]
        )
    yield f"MSDNet-38, {network.num_classes} classes, million MACs of one frame up to each block's head:\n"
    yield from _table(
        ["block", "authors' counter", "fvcore", "ours", "to the authors', %", "to fvcore, %"], rows
    )
    authors, ours = 16 * float(per_block[-1]["authors_counter_mmacs"]) / 1e3, 16 * mmacs_K[-1] / 1e3
    yield (
        f"\n16 such frames: {authors:.2f} GMACs by the authors' counter, {ours:.2f} by ours "
        f"({_difference(ours, authors)} %); the paper prints {_number(paper.gmacs)}."
    )
    yield (
        f"\nParameters: {parameters(network):,} with {network.num_classes} classes, {parameters(imagenet):,} "
        f"with {imagenet.num_classes}; the paper prints {_number(paper.params_m)} M."
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    yield f"| {' | '.join(header)} |"
    yield f"| {' | '.join('---' for _ in header)} |"
    for row in rows:
        yield f"| {' | '.join(value or '–' for value in row)} |"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def _difference(ours: float, theirs: float | None) -> str:
    return "" if theirs is None else f"{100 * (ours / theirs - 1):+.2f}"


if __name__ == "__main__":
    main()
