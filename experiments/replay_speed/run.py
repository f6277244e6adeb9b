"""Time and memory of scoring, sweeping and choosing thresholds on a large trace.

    OMP_NUM_THREADS=1 python -m experiments.replay_speed.run

Every step starts from a trace that a fresh process has loaded; its peak memory is what it adds to that.

Legend: V videos, K checkpoints, N classes.
"""

import csv
import multiprocessing
import platform
import resource
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import torch

from dyninf import Trace, policies
from dyninf.trace import TraceInfo, sweep

HERE = Path(__file__).resolve().parent
V, K, N = 20_000, 12, 400
ROUNDS = 3
POINTS = 1000
BUDGET = 0.35  # of full inference's cost
CRITERIA = {
    "max_probability": policies.MaxProbability(),
    "entropy": policies.Entropy(),
    "margin": policies.Margin(),
    "patience": policies.Patience(),
    "random_exit": policies.RandomExit(),
    "oracle": policies.Oracle(),
}


def main() -> None:
    """Measure, write results.csv, print it."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        large_trace().save(folder)
        for name in steps():
            with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
                found = [pool.apply(measure, (name, folder)) for _ in range(ROUNDS)]
            seconds, peaks = zip(*found, strict=True)
            rows.append([name, round(statistics.median(seconds), 2), round(max(peaks))])
            print(*rows[-1], flush=True)
    with open(HERE / "results.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["step", "seconds", "peak_mb"])
        writer.writerows(rows)
    print(f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}")


def steps() -> dict[str, Callable[[Trace], object]]:
    """What is measured, by name."""

    def scored_and_solved(solve: Callable[..., object]) -> Callable[[Trace], object]:
        return lambda trace: solve(trace, trace.scores(CRITERIA["max_probability"]))

    def direct(trace: Trace, scores_VK: torch.Tensor) -> object:
        budget = BUDGET * trace.macs_K[-1].item()
        return policies.solve_budget(scores_VK, trace.right_VK, trace.macs_K, budget, grain=10)

    def batch(trace: Trace, scores_VK: torch.Tensor) -> object:
        return policies.budgeted_batch(scores_VK, trace.macs_K, BUDGET * trace.macs_K[-1].item())

    def every_sweep(trace: Trace) -> object:
        return [sweep(trace, policy, POINTS) for policy in CRITERIA.values()]

    return {
        **{f"scores of {n}": (lambda trace, p=p: trace.scores(p)) for n, p in CRITERIA.items()},
        "classes": lambda trace: trace.ranked_VKn,
        f"sweep of max_probability, {POINTS} thresholds": lambda trace: sweep(
            trace, CRITERIA["max_probability"], POINTS
        ),
        f"sweep of all six criteria, {POINTS} thresholds each": every_sweep,
        "budgeted_batch, with its scores": scored_and_solved(batch),
        "solve_budget, with its scores and classes": scored_and_solved(direct),
    }


def measure(name: str, folder: str) -> tuple[float, float]:
    """Seconds of a step, and the MB that it adds to the memory of this process."""
    trace = Trace.load(folder)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    started = time.perf_counter()
    steps()[name](trace)
    seconds = time.perf_counter() - started
    return seconds, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def large_trace() -> Trace:
    """Random logits in which later checkpoints are more often right, and some videos are easier."""
    draw = torch.Generator().manual_seed(0)
    label_V = torch.randint(N, (V,), generator=draw)
    logits_VKN = torch.randn(V, K, N, generator=draw)
    ease_V = 8 * torch.rand(V, generator=draw)
    logits_VKN[torch.arange(V), :, label_V] += ease_V[:, None] * torch.linspace(0.5, 1.2, K)
    return Trace(
        logits_VKN,
        label_V,
        tuple(f"video-{v}" for v in range(V)),
        torch.arange(1, K + 1, dtype=torch.float64) * 1e9,
        TraceInfo(
            "random",
            "0" * 16,
            "random/test",
            tuple(f"checkpoint{k}" for k in range(K)),
            tuple(map(str, range(N))),
        ),
    )


if __name__ == "__main__":
    main()
