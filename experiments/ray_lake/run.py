"""Two hundred clips, a tenth bad, on two workers of Ray of which one is killed: the rows of one process?

    OMP_NUM_THREADS=1 python -m experiments.ray_lake.run CHECKPOINT

CHECKPOINT is one of `dyninf.train`. Stops where a row differs; writes result.json.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from pyarrow import dataset

from dyninf.data.drawn_files import encode

HERE = Path(__file__).resolve().parent
CLIPS, BAD, FRAMES, SIDE = 200, 20, 16, 72
SHARD, WORKERS = 10, 2
KILL_AFTER = 4  # shards
ENDED_WITH_ERRORS = 1
MARK = "DYNINF_RAY_LAKE"
MAY_DIFFER = ("ms", "frames_decoded")  # times, and frames that were begun and not needed


def main() -> None:
    """Make the clips, predict them in both ways, and write what was seen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("checkpoint", type=Path)
    checkpoint = parser.parse_args().checkpoint.resolve()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        videos = make_clips(folder)
        (folder / "list.txt").write_text("".join(f"{path.name}\n" for path in videos))
        begun = time.perf_counter()
        assert start(folder, checkpoint, "output=alone").wait() == ENDED_WITH_ERRORS
        alone_seconds = time.perf_counter() - begun
        begun = time.perf_counter()
        process = start(folder, checkpoint, "output=shards", "engine=ray", f"engine.workers={WORKERS}")
        finished = kill_a_worker(folder, process)
        _, said = process.communicate()
        assert process.returncode == ENDED_WITH_ERRORS, said
        seconds = time.perf_counter() - begun
        result = compare(rows(folder / "alone"), rows(folder / "shards"))
    result |= {
        "shards": CLIPS // SHARD,
        "shards_when_a_worker_was_killed": finished,
        "said": said.splitlines(),
        "seconds_alone": round(alone_seconds, 1),
        "seconds_on_ray": round(seconds, 1),
    }
    (HERE / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def make_clips(folder: Path) -> list[Path]:
    """Encoded noise of many brightnesses; every tenth file is empty, a text, or cut in half, in turn."""
    draw = np.random.default_rng(0)
    videos = [folder / f"{number:03d}.mp4" for number in range(CLIPS)]
    every = CLIPS // BAD
    for number, path in enumerate(videos):
        light, dark = sorted(draw.integers(0, 256, 2).tolist())[::-1]
        encode(draw.integers(dark, light + 1, (FRAMES, SIDE, SIDE, 3)).astype(np.uint8), path)
        if number % every == every // 2:
            whole = path.read_bytes()
            bad = (b"", b"This is not a film.\n" * 50, whole[: len(whole) // 2])
            path.write_bytes(bad[number // every % len(bad)])
    return videos


def start(folder: Path, checkpoint: Path, *overrides: str) -> "subprocess.Popen[str]":
    """The command, whose processes are known by a variable."""
    command = [sys.executable, "-m", "dyninf.predict", f"checkpoint={checkpoint}", "source=list.txt"]
    command += [f"shard={SHARD}", "policy=max_probability", "policy.threshold=0.09", "runtime=eager"]
    return subprocess.Popen(
        [*command, *overrides],
        cwd=folder,
        env=os.environ | {MARK: str(folder)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def kill_a_worker(folder: Path, process: "subprocess.Popen[str]") -> int:
    """SIGKILL to a worker that answers, after some shards; how many there were then."""
    while process.poll() is None:
        finished = len(list((folder / "shards").glob("part-*.parquet")))
        workers = [pid for pid in marked(folder) if title(pid).startswith("ray::Worker.answer")]
        if finished >= KILL_AFTER and workers:
            os.kill(workers[0], signal.SIGKILL)
            return finished
        time.sleep(0.01)
    raise RuntimeError(f"it ended before a worker was killed: {process.communicate()[1]}")


def marked(folder: Path) -> list[int]:
    """Processes that have the variable."""
    found = []
    for place in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={folder}\0".encode() in (place / "environ").read_bytes():
                found.append(int(place.name))
        except OSError:  # it has ended, or is another user's
            continue
    return found


def title(pid: int) -> str:
    """What a process calls itself; empty once it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def rows(folder: Path) -> list[dict[str, object]]:
    """The rows of a folder of Parquet files."""
    found: list[dict[str, object]] = dataset.dataset(folder).to_table().to_pylist()
    return found


def compare(alone: list[dict[str, object]], on_ray: list[dict[str, object]]) -> dict[str, object]:
    """Figures of the rows; stops where they differ but for times."""
    assert len(alone) == len(on_ray) == CLIPS, "not every video once"
    largest = 0.0
    for mine, theirs in zip(alone, on_ray, strict=True):
        if mine["probability"] is not None:
            largest = max(largest, abs(float(str(mine["probability"])) - float(str(theirs["probability"]))))
        for name in mine.keys() - {*MAY_DIFFER, "probability", "top5"}:
            assert mine[name] == theirs[name], f"{mine['path']}: {name} {theirs[name]}, not {mine[name]}"
    return {
        "rows": len(on_ray),
        "with_errors": sum(row["error"] is not None for row in on_ray),
        "left_at": len({row["checkpoint"] for row in on_ray if row["checkpoint"]}),
        "largest_difference_of_a_probability": largest,
    }


if __name__ == "__main__":
    main()
