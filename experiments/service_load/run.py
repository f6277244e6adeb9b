"""200 uploads at once, many of them slow, broken, oversized or aborted, ten times over.

    python -m experiments.service_load.run

Trains a tiny network, predicts a few dozen videos offline, starts the service as a process of its own, and
lets the clients loose. The command fails where a good upload is not answered as `predict` answers it, or any
other ends with a status that is not its own.
"""

import json
import os
import platform
import random
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from experiments.service_load.clients import KINDS, Outcome, run_clients

HERE = Path(__file__).resolve().parent
ROUNDS = 10
UPLOADS = {
    "good": 100,
    "slow": 20,
    "stalled": 10,
    "aborted": 20,
    "not a video": 15,
    "damaged": 15,
    "oversized": 10,
    "oversized, size not said": 10,
}
"""Of a round: 200."""

TRAINING = (
    "scheme=joint",
    "dataset.train_clips=4",
    "dataset.calibration_clips=2",
    "dataset.test_clips=3",
    "dataset.num_workers=0",
    "trainer.max_epochs=1",
    "trainer.enable_progress_bar=false",
    "trainer.log_every_n_steps=1",
    "callbacks=quiet",
)
RUNTIME = "runtime=eager"
POLICY = "policy.threshold=0.096"
SETTINGS = ("max_queue=48", "max_upload_mb=2", "upload_seconds=5", "batch=8", "port=0", RUNTIME)
SAME = 1e-4
"""Largest difference of probabilities: batches are not computed in the order in which one clip is."""


def main() -> None:
    """Run the rounds, write result.json and result.md, print the tables."""
    with TemporaryDirectory(prefix="dyninf-load-") as name:
        folder = Path(name)
        run(folder, "train", *TRAINING, f"paths.data_dir={folder}", "output=run")
        checkpoint = f"checkpoint={folder}/run/checkpoints/best.ckpt"
        videos = sorted(folder.rglob("test/**/*.mp4"))
        run(
            folder,
            "predict",
            checkpoint,
            f"source={videos[0].parents[1]}",
            POLICY,
            RUNTIME,
            "output=offline.jsonl",
        )
        rows = [json.loads(line) for line in (folder / "offline.jsonl").read_text().splitlines()]
        offline = {row["path"]: row for row in rows}
        expected = [offline[str(video)] for video in videos]
        with serving(folder, checkpoint, POLICY, *SETTINGS) as (address, memory):
            result = study(address, memory, [video.read_bytes() for video in videos], expected)
            left = len(list(folder.glob("tmp/dyninf-uploads-*/*")))
    result["files_left"] = left
    result["exits"] = dict(Counter(row["checkpoint"] for row in expected))
    (HERE / "result.json").write_text(json.dumps(result, indent=2) + "\n")
    (HERE / "result.md").write_text(tables(result))
    print(tables(result))
    sys.exit(1 if result["faults"] or left else 0)


def study(
    address: tuple[str, int], memory: "Memory", videos: Sequence[bytes], expected: Sequence[dict[str, Any]]
) -> dict[str, Any]:
    """All rounds, with the memory of the service before and after each."""
    kinds = [kind for kind, number in UPLOADS.items() for _ in range(number)]
    shuffle = random.Random(0)
    memory.mark("before")
    outcomes: list[Outcome] = []
    seconds = []
    for number in range(ROUNDS):
        shuffle.shuffle(kinds)
        begin = time.perf_counter()
        outcomes += run_clients(address, [(kind, i % len(videos)) for i, kind in enumerate(kinds)], videos)
        seconds.append(round(time.perf_counter() - begin, 1))
        time.sleep(1)  # what was aborted is noticed
        memory.mark(f"after round {number + 1}")
    return {
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "settings": [POLICY, *SETTINGS],
        "videos": len(videos),
        "rounds": ROUNDS,
        "seconds_of_rounds": seconds,
        "by_kind": {kind: summary([o for o in outcomes if o.kind == kind]) for kind in UPLOADS},
        "memory_mb": {"peak": memory.peak(), **memory.marks},
        "metrics": metrics_of(address),
        "faults": [fault for outcome in outcomes if (fault := fault_of(outcome, expected))],
    }


def fault_of(outcome: Outcome, expected: Sequence[dict[str, Any]]) -> str | None:
    """What is wrong with how an upload ended."""
    if outcome.error is not None or outcome.status not in KINDS[outcome.kind].statuses:
        return f"{outcome.kind}: status {outcome.status}, {outcome.error or outcome.answer}"
    if outcome.status != 200:
        return None
    answer, row = outcome.answer, expected[outcome.video]
    assert answer is not None
    wrong = [key for key in ("label", "class", "checkpoint") if answer[key] != row[key]]
    if abs(answer["probability"] - row["probability"]) > SAME:
        wrong.append("probability")
    return f"{outcome.kind}: {wrong} are not those of predict for {row['path']}" if wrong else None


def summary(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Statuses, how often they were told to come again, and latencies."""
    seconds = sorted(outcome.seconds for outcome in outcomes)
    return {
        "statuses": dict(Counter(str(outcome.status or "went away") for outcome in outcomes)),
        "times_429": sum(outcome.waits for outcome in outcomes),
        "median_seconds": round(statistics.median(seconds), 3),
        "p95_seconds": round(seconds[int(0.95 * (len(seconds) - 1))], 3),
    }


class Memory:
    """The resident memory of a process, in megabytes of 2^20 bytes (Linux)."""

    def __init__(self, process: int) -> None:
        self._status = Path(f"/proc/{process}/status")
        self.marks: dict[str, float] = {}

    def mark(self, name: str) -> None:
        """Note it as it is now."""
        self.marks[name] = self._read("VmRSS")

    def peak(self) -> float:
        return self._read("VmHWM")

    def _read(self, key: str) -> float:
        [line] = [line for line in self._status.read_text().splitlines() if line.startswith(f"{key}:")]
        return round(int(line.split()[1]) / 1024, 1)


def metrics_of(address: tuple[str, int]) -> dict[str, float]:
    """What the service itself has counted."""
    with urllib.request.urlopen("http://{}:{}/metrics".format(*address)) as response:
        lines = response.read().decode().splitlines()
    names = ("dyninf_requests_total", "dyninf_exits_total", "dyninf_gmacs", "dyninf_full", "dyninf_clips")
    pairs = (line.rsplit(" ", 1) for line in lines if line.startswith(names))
    return {name: float(value) for name, value in pairs if "_created" not in name}


@contextmanager
def serving(folder: Path, *settings: str) -> Iterator[tuple[tuple[str, int], Memory]]:
    """The service as a process: its address and its memory. RuntimeError unless it ends well at the end."""
    (folder / "tmp").mkdir()
    process = subprocess.Popen(
        [sys.executable, "-m", "dyninf.serve", *settings],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1", "TMPDIR": str(folder / "tmp")},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        host, port = process.stdout.readline().split()[2].removeprefix("http://").split(":")
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield (host, int(port)), Memory(process.pid)
        process.terminate()
        if process.wait(60) != 0:
            raise RuntimeError(f"the service ended with code {process.returncode}")
    finally:
        process.kill()


def run(folder: Path, command: str, *arguments: str) -> None:
    """``python -m dyninf.COMMAND`` in a folder."""
    print("python -m", f"dyninf.{command}", *arguments, flush=True)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    subprocess.run(
        [sys.executable, "-m", f"dyninf.{command}", *arguments],
        cwd=folder,
        check=True,
        env=environment,
        stdout=subprocess.DEVNULL,
    )


def tables(result: dict[str, Any]) -> str:
    """In Markdown."""
    lines = [
        "| upload | ended with | told to come again (429) | median, s | 95 %, s |",
        "|" + " --- |" * 5,
    ]
    for kind, row in result["by_kind"].items():
        statuses = ", ".join(f"{status} ({number})" for status, number in sorted(row["statuses"].items()))
        lines.append(
            f"| {kind} | {statuses} | {row['times_429']} | {row['median_seconds']} | {row['p95_seconds']} |"
        )
    memory = result["memory_mb"]
    lines += ["", "| resident memory of the service | MB |", "|" + " --- |" * 2]
    lines += [f"| {name} | {value} |" for name, value in memory.items()]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
