"""What a trace of 12 checkpoints × 700 classes takes: bytes, seconds to write, check and replay, and memory.

    OMP_NUM_THREADS=1 python -m experiments.trace_scale.run

Each measurement has a process of its own; those of a form are taken in rounds, the median counts. Seconds are
of the processor, on one thread: other programs do not count, nor does waiting for a disk.

Legend: V videos, B of them, K checkpoints, N classes.
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

import dyninf
from dyninf.policies import MaxProbability
from dyninf.processor import processor_name
from dyninf.trace import LogitsForm, Plan, Promise, Trace, TraceInfo, calibrate, sweep
from dyninf.trace.shard import Shard
from dyninf.trace.trace_file import Part, write_trace

HERE = Path(__file__).resolve().parent
K, N = 12, 700
VIDEOS = 10_000  # of the traces that are timed: 336 MB in float32, which are mapped
LARGE = 89_300  # of the one that is larger than its process may be: 3.0 GB
LIMIT = 2 << 30  # bytes of data of that process
ROUNDS = 3
FORMS = ("float32", "float16", "top20")
DRAWN = 1024  # videos whose logits are drawn; they come again and again, with other labels


def main() -> None:
    """Measure, write result.json, print it."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--videos", type=int, default=VIDEOS)
    parser.add_argument("--large", type=int, default=LARGE)
    parser.add_argument("--limit", type=int, default=LIMIT)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--result", type=Path, default=HERE / "result.json")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder), given.videos, given.large, given.limit, given.rounds)
    given.result.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def measured(folder: Path, videos: int, large: int, limit: int, rounds: int) -> dict[str, Any]:
    """All figures; seconds are those of a million videos."""
    forms: dict[str, Any] = {}
    for form in FORMS:
        steps: dict[str, list[float]] = {}
        for _ in range(rounds):
            for step, seconds in alone(time_form, form, folder / form, videos).items():
                steps.setdefault(step, []).append(seconds * 1e6 / videos)
        sizes = {path.name: path.stat().st_size / videos for path in (folder / form).iterdir()}
        forms[form] = {
            "bytes_a_video": round(LogitsForm(form).row(K, N).itemsize),
            "other_bytes_a_video": round(sum(sizes.values()) - sizes["logits.npy"]),
            "seconds_a_million": {step: round(statistics.median(all_), 1) for step, all_ in steps.items()},
        }
    write(folder / "large", "float32", large)
    return {
        "processor": processor_name(),
        "threads": torch.get_num_threads(),
        "checkpoints": K,
        "classes": N,
        "videos": videos,
        "rounds": rounds,
        "forms": forms,
        "memory": {
            "trace_bytes": (folder / "large/logits.npy").stat().st_size,
            "limit_bytes": limit,
            **alone(replay_large, folder / "large", limit),
        },
        "network": alone(time_network),
    }


def alone(work: Callable[..., Any], *arguments: object) -> Any:
    """The result of a function in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        return pool.apply(work, arguments)


def time_form(form: str, folder: Path, videos: int) -> dict[str, float]:
    """Seconds of each step with a trace of so many videos, which is left at `folder`."""
    seconds: dict[str, float] = {}

    def timed(step: str, work: Callable[[], Any]) -> Any:
        start = time.process_time()
        result = work()
        seconds[step] = time.process_time() - start
        return result

    made, logits_BKN = LogitsForm(form), drawn_logits()
    rows = made.rows(logits_BKN)
    times = videos / len(logits_BKN)
    start = time.process_time()
    made.rows(logits_BKN)
    seconds["bring into the form"] = (time.process_time() - start) * times
    size = min(512, len(logits_BKN))
    shard = Shard(part_of(rows, 0, size), {}, (224, 224))
    plan = Plan(info(), tuple(shard.part.video_ids), made)
    path = folder.parent / f"{form}.pt"
    start = time.process_time()
    shard.save(path)
    seconds["write shards"] = (time.process_time() - start) * videos / size
    start = time.process_time()
    Shard.load(path, plan)
    seconds["read shards twice"] = (time.process_time() - start) * 2 * videos / size
    timed("write the trace", lambda: write(folder, form, videos))
    trace: Trace = timed("load and check", lambda: Trace.load(folder))
    timed("score", lambda: trace.scores(MaxProbability()))
    timed("sweep of 1000 thresholds", lambda: sweep(Trace.load(folder), MaxProbability(), 1000))
    seconds["sweep of 1000 thresholds"] -= seconds["load and check"]
    return seconds


def replay_large(folder: Path, limit: int) -> dict[str, Any]:
    """Whether a trace is replayed, and whether it could be read, where memory for data is limited.

    The limit counts all private memory that can be written, the libraries' and the interpreter's too; pages
    of mapped files are the system's to take back.
    """
    before = data_bytes()
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    start = time.process_time()
    trace = Trace.load(folder)
    curve = sweep(trace, MaxProbability(), 1000)
    policy = calibrate(trace, MaxProbability(), Promise(budget="50%", solver="direct"))
    seconds = time.process_time() - start
    try:
        read = len(np.load(folder / "logits.npy")) == len(trace.video_ids)
    except MemoryError:
        read = False
    return {
        "videos": len(trace.video_ids),
        "points": len(curve.threshold_P),
        "thresholds": len(np.atleast_1d(policy.threshold)),
        "seconds": round(seconds, 1),
        "could_be_read_whole": read,
        "data_bytes_before": before,
    }


def time_network() -> dict[str, Any]:
    """Seconds of a clip of the paper's larger network on one thread, every checkpoint."""
    network = dyninf.build_network("resnet50", "joint", num_classes=N, num_frames=16).eval()
    video_BTCHW = torch.randn(1, 16, 3, 224, 224)
    seconds = []
    with torch.inference_mode():
        for _ in range(3):
            start = time.process_time()
            network(video_BTCHW)
            seconds.append(time.process_time() - start)
    gmacs = network.costs(224, 224).macs_K[-1].item() / 1e9
    return {"name": network.name, "gmacs": round(gmacs, 1), "seconds_a_video": round(min(seconds), 2)}


def write(folder: Path, form: str, videos: int) -> None:
    """A trace of drawn logits, of which a part is in memory at a time."""
    rows = LogitsForm(form).rows(drawn_logits())
    macs_K = torch.arange(1, K + 1, dtype=torch.float64) * 1e9

    def parts() -> Iterator[Part]:
        for first in range(0, videos, DRAWN):
            yield part_of(rows, first, min(DRAWN, videos - first))

    write_trace(folder, info(), macs_K, LogitsForm(form), videos, parts())


def part_of(rows: np.ndarray, first: int, videos: int) -> Part:
    ids = [f"class {v % N}/video-{v:08d}.mp4" for v in range(first, first + videos)]
    return Part(rows[:videos], torch.arange(first, first + videos) % N, ids, None)


def drawn_logits() -> torch.Tensor:
    """Random logits (B, K, N) in which later checkpoints are surer, and some videos are easier."""
    draw = torch.Generator().manual_seed(0)
    logits_BKN = torch.randn(DRAWN, K, N, generator=draw)
    ease_B = 14 * torch.rand(DRAWN, generator=draw)
    label_B = torch.arange(DRAWN) % N
    logits_BKN[torch.arange(DRAWN), :, label_B] += ease_B[:, None] * torch.linspace(0.5, 1.2, K)
    return logits_BKN


def info() -> TraceInfo:
    names = tuple(f"checkpoint{k}" for k in range(K)), tuple(f"class {n}" for n in range(N))
    return TraceInfo("drawn", "0" * 16, "drawn/test", *names)


def data_bytes() -> int:
    """Private memory of this process that can be written: what the limit counts."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith("VmData:"))


if __name__ == "__main__":
    main()
