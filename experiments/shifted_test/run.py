"""Does a policy notice that its test videos are worse than those its threshold was chosen on, and spend more?

python -m experiments.shifted_test.run outputs/mocap/joint_tuned-seed*/checkpoints/best.ckpt

Legend: V videos.
"""

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from experiments.training import write_rows
from omegaconf import DictConfig, OmegaConf
from torch.utils.data import DataLoader, Subset

from dyninf import Trace, checkpoint_file
from dyninf.configuration import make, with_defaults
from dyninf.data import CORRUPTIONS, batch_of
from dyninf.grid import Network, fingerprint
from dyninf.policies import MaxProbability, Policy
from dyninf.trace import Promise, Resampling, calibrate

HERE = Path(__file__).resolve().parent
CLEAN = ("none", 0)
PERCENTS = {
    "full_top1": "full inference",
    "top1": "dynamic",
    "share": "its GMACs, of full",
    "share_more": "more than on clean videos",
}
"""Columns of the table."""
RESAMPLING = Resampling()


def main() -> None:
    """Record what is missing, then tabulate."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("checkpoints", type=Path, nargs="+", help="RUN/checkpoints/best.ckpt of runs")
    parser.add_argument("--corruptions", nargs="+", default=list(CORRUPTIONS), choices=list(CORRUPTIONS))
    parser.add_argument("--severities", type=int, nargs="+", default=[1, 2, 3, 4, 5])
    parser.add_argument(
        "--videos", type=int, help="about so many of the test split, spread over it; else all"
    )
    parser.add_argument("--budget", help="GMACs or a percentage of full; else what loses nothing is promised")
    parser.add_argument("--traces", type=Path, default=Path("outputs/shifted_test"), help="kept here")
    arguments = parser.parse_args()
    grades = [CLEAN, *((name, grade) for name in arguments.corruptions for grade in arguments.severities)]
    rows = []
    for path in arguments.checkpoints:
        file = checkpoint_file.read(path)
        run, network = path.resolve().parents[1], file.network()
        calibration = Trace.load(run / "trace" / "calibration")
        calibration.check_same_network(network)
        policy = calibrate(calibration, MaxProbability(), Promise(budget=arguments.budget))
        kept = arguments.traces / run.name
        traces = record(network, file.config.dataset, grades, arguments.videos, kept)
        for row in compared(traces, grades, policy):
            rows.append({"run": run.name} | row)
            print(rows[-1], flush=True)
    write_rows(HERE / "results.csv", rows)
    (HERE / "tables.md").write_text("\n".join(tables(rows)) + "\n")


def record(
    network: Network,
    dataset: DictConfig,
    grades: Sequence[tuple[str, int]],
    videos: int | None,
    kept: Path,
) -> Iterator[Trace]:
    """The traces of the test split in each (corruption, severity); those in `kept` are not recorded again."""
    for name, severity in grades:
        corruption = None if (name, severity) == CLEAN else [name, severity]
        datamodule = make(OmegaConf.merge(with_defaults(dataset), {"corruption": corruption}))
        clips = datamodule.dataset("test")
        split = datamodule.split_name("test")
        if videos is not None and videos < len(clips):
            split += f", {videos} of {len(clips)} videos"
            clips = Subset(clips, spread_over(len(clips), videos))
        folder = kept / f"{name}-{severity}"
        if (folder / "trace.json").is_file():
            trace = Trace.load(folder)
            if (trace.info.fingerprint, trace.info.split) == (fingerprint(network), split):
                yield trace
                continue
        loader = DataLoader(clips, datamodule.batch_size, collate_fn=batch_of)
        trace = Trace.record(network, loader, split, datamodule.class_names)
        trace.save(folder)
        yield trace


def spread_over(videos: int, wanted: int) -> list[int]:
    """So many places spread over a split, but at no fixed stride: every second clip of some sets is easy."""
    step = videos // wanted
    return [i * videos // wanted + i % step for i in range(wanted)]


def compared(
    traces: Iterator[Trace], grades: Sequence[tuple[str, int]], policy: Policy
) -> Iterator[dict[str, object]]:
    """A row for each grade, the first of which is the clean split; all in percent, with intervals."""
    clean_V = None
    for (name, severity), trace in zip(grades, traces, strict=True):
        outcome = trace.replay(policy)
        share_V = trace.macs_K[outcome.checkpoint_V] / trace.macs_K[-1]
        clean_V = share_V if clean_V is None else clean_V
        columns = {
            "full_top1": trace.right_VK[:, -1].double(),
            "top1": (outcome.predicted_V == trace.label_V).double(),
            "share": share_V,
            "share_more": share_V - clean_V,
        }
        row: dict[str, object] = {"corruption": name, "severity": severity, "videos": len(share_V)}
        for key, value_V in columns.items():
            figures = RESAMPLING.mean(100 * value_V).named(key)
            row |= {figure: round(value, 3) for figure, value in figures.items()}
        yield row


def tables(rows: Sequence[dict[str, object]]) -> Iterator[str]:
    """Markdown: a table for each run."""
    for run in dict.fromkeys(row["run"] for row in rows):
        own = [row for row in rows if row["run"] == run]
        yield f"`{run}`, {own[0]['videos']} test videos, percent with {RESAMPLING.level:.0%} intervals:\n"
        yield f"| corruption | severity | {' | '.join(PERCENTS.values())} |"
        yield "| --- | --- |" + " --- |" * len(PERCENTS)
        for row in own:
            cells = (shown(row, key, "+" if key == "share_more" else "") for key in PERCENTS)
            yield f"| {row['corruption']} | {row['severity']} | {' | '.join(cells)} |"
        yield ""


def shown(row: dict[str, object], key: str, sign: str) -> str:
    """Value and bounds."""
    value, low, high = (float(row[f"{key}{end}"]) for end in ("", "_low", "_high"))  # type: ignore[arg-type]
    return f"{value:{sign}.1f} ({low:{sign}.1f} to {high:{sign}.1f})"


if __name__ == "__main__":
    with torch.inference_mode():
        main()
