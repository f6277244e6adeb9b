"""How large is a report of many runs, and how long does it take to open?

python -m experiments.report_size.run [--runs 50] [--videos 2000] [--rounds 5]
"""

import argparse
import csv
import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from tests.browser import chromium

from dyninf.policies import Entropy, Margin, MaxProbability, Policy
from dyninf.report import trace_source
from dyninf.report.dashboard import Content, write_page
from dyninf.trace import Trace, TraceInfo

HERE = Path(__file__).resolve().parent
TEMPERATURES = (None, 0.5, 0.7, 0.85, 1.2, 1.5, 2.0)
CHECKPOINTS, CLASSES = 12, 400


def policies() -> dict[str, Policy]:
    """20 of them, whose scores differ."""
    kinds = (MaxProbability, Entropy, Margin)
    every = [kind(temperature=temperature) for temperature in TEMPERATURES for kind in kinds]
    return {f"{type(policy).__name__} T={policy.temperature or 1}": policy for policy in every[:20]}


def trace(videos: int, number: int, split: str) -> Trace:
    """Of the network of a number: random logits in which later checkpoints, and some videos, are easier."""
    draw = torch.Generator().manual_seed(2 * number + (split == "calibration"))
    label_V = torch.randint(CLASSES, (videos,), generator=draw)
    logits_VKN = torch.randn(videos, CHECKPOINTS, CLASSES, generator=draw)
    ease_V = 8 * torch.rand(videos, generator=draw)
    logits_VKN[torch.arange(videos), :, label_V] += ease_V[:, None] * torch.linspace(0.5, 1.2, CHECKPOINTS)
    return Trace(
        logits_VKN,
        label_V,
        tuple(f"videos/{v:06}.mp4" for v in range(videos)),
        torch.arange(1, CHECKPOINTS + 1, dtype=torch.float64) * (3e9 + 1e8 * number),
        TraceInfo(
            f"network{number}-joint-16f",
            f"{number:016}",
            f"drawn/{split}",
            tuple(f"{4 * (k // 3 + 1)}f-res{k % 3 + 3}" for k in range(CHECKPOINTS)),
            tuple(f"class number {n}" for n in range(CLASSES)),
        ),
    )


def write(runs: int, videos: int, path: Path) -> float:
    """Write the report of so many runs; returns the seconds that it took."""
    begin = time.perf_counter()
    content = Content()
    for number in range(runs):
        found = trace(videos, number, "test")
        held_out = trace(videos, number, "calibration")
        content.add(trace_source(found, held_out, policies(), MaxProbability(0.7)))
    write_page(content.finished(f"{runs} runs", {}), path)
    return time.perf_counter() - begin


def opened(path: Path, rounds: int) -> Iterator[float]:
    """Seconds from the address to the drawn chart and table, each in a fresh browser."""
    for _ in range(rounds):
        with chromium() as browser:
            page = browser.new_page(viewport={"width": 1280, "height": 900})
            begin = time.perf_counter()
            page.goto(path.as_uri())
            page.wait_for_selector('body[data-drawn="true"]')
            yield time.perf_counter() - begin


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--videos", type=int, default=2000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--output", type=Path, default=HERE / "results.csv")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.html"
        seconds = write(given.runs, given.videos, path)
        times = list(opened(path, given.rounds))
        row = {
            "runs": given.runs,
            "curves_a_run": len(policies()),
            "videos": given.videos,
            "checkpoints": CHECKPOINTS,
            "classes": CLASSES,
            "mb": round(path.stat().st_size / 1e6, 2),
            "seconds_to_write": round(seconds, 1),
            "seconds_to_open_median": round(statistics.median(times), 2),
            "seconds_to_open_worst": round(max(times), 2),
        }
    with open(given.output, "w", newline="") as file:
        table = csv.DictWriter(file, row)
        table.writeheader()
        table.writerow(row)
    print(row)


if __name__ == "__main__":
    main()
