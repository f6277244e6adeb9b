"""Five thousand clips through the queues: the same answers as one by one, in flat memory, and after kills.

    OMP_NUM_THREADS=1 python -m experiments.queues.run

Clips leave by lot and arrive at random times; some cannot be read. Then `dyninf.predict` is killed again and
again on a folder of videos, and resumed until it ends. Writes result.json.

Legend: T frames, C, H, W.
"""

import argparse
import collections
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import Tensor

import dyninf
from dyninf.grid import Network
from dyninf.policies import RandomExit
from dyninf.runtime import Answer, Runner, answer_clips
from dyninf.speed import resident_mb
from dyninf.speed.example_video import write_example_video

HERE = Path(__file__).resolve().parent
CLIPS, BATCH, SIDE, T = 5000, 8, 32, 8
BROKEN = 0.02  # of the clips
SHARES = [0.25, 0.05, 0.05, 0.15, 0.05, 0.05, 0.1, 0.05, 0.05, 0.05, 0.05, 0.1]
LIMIT_MB = 16
VIDEOS, KILLS = 400, 8


class DrawnClip:
    """A clip that is drawn when it is asked for, and may be broken."""

    def __init__(self, network: Network, number: int, fails_at: int | None) -> None:
        self.name = f"clip-{number}"
        self._network, self._number, self._fails_at = network, number, fails_at

    def group(self, group: int) -> Tensor:
        if group == self._fails_at:
            raise ValueError(f"{self.name}: broken at group {group}")
        return self._network.group_frames_of(drawn(self._number)[None], group)[0]

    def close(self) -> None:
        """Nothing is open."""


def drawn(number: int) -> Tensor:
    """The clip (T, C, H, W) of a number."""
    draw = torch.Generator().manual_seed(number)
    return torch.randn(T, 3, SIDE, SIDE, generator=draw) * (0.5 + number % 7 / 4)


def main() -> None:
    """Run both parts and write what was seen; stop where an answer is wrong."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("checkpoint", help="a checkpoint of dyninf.train, for the part with kills")
    arguments = parser.parse_args()
    result = {"queues": queues(), "kills": kills(Path(arguments.checkpoint))}
    (HERE / "result.json").write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


def queues(clips: int = CLIPS) -> dict[str, object]:
    """Compare every answer with that of the clip by itself."""
    torch.manual_seed(0)
    network = dyninf.build_network("resnet_small", "joint", 5, T, width=8, head_width=16).eval()
    runner, policy = Runner(network, SIDE, SIDE), RandomExit(SHARES)
    draw = random.Random(0)
    fails = {i: draw.randint(1, 4) for i in range(clips) if draw.random() < BROKEN}
    memory: list[float] = []

    def arriving() -> Iterator[DrawnClip]:
        for number in range(clips):
            if draw.random() < 0.1:
                time.sleep(draw.random() * 0.02)
            if number % 100 == 0:
                memory.append(resident_mb())
            yield DrawnClip(network, number, fails.get(number))

    start = time.perf_counter()
    answers = list(answer_clips(runner, policy, arriving(), BATCH, LIMIT_MB, decoders=2))
    seconds = time.perf_counter() - start
    assert [answer.number for answer in answers] == list(range(clips)), "not every clip once, in order"
    left: collections.Counter[int] = collections.Counter()
    worst, errors = 0.0, 0
    for answer in answers:
        worst = max(worst, difference(runner, policy, answer, fails.get(answer.number)))
        if answer.checkpoint is None:
            errors += 1
        else:
            left[answer.checkpoint] += 1
    half = len(memory) // 2
    return {
        "clips": clips,
        "batch": BATCH,
        "seconds": round(seconds, 1),
        "left_at": [left[k] for k in range(len(SHARES))],
        "errors": errors,
        "largest_difference_of_logits": worst,
        "limit_of_buffers_mb": LIMIT_MB,
        "resident_mb_at_the_start": round(memory[0]),
        "resident_mb_half_way": round(memory[half]),
        "resident_mb_at_the_end": round(memory[-1]),
    }


def difference(runner: Runner, policy: RandomExit, answer: Answer, fails_at: int | None) -> float:
    """Of an answer's logits to those of its clip alone; stops where anything else differs."""
    number = torch.tensor([answer.number])
    alone = dyninf.infer(runner, drawn(answer.number)[None], policy, number)
    groups = int(alone.checkpoint_B) // 3 + 1
    if fails_at is not None and fails_at <= groups:
        assert answer.error is not None, f"{answer.name} cannot be read, and has an answer"
        return 0.0
    assert answer.error is None, answer.error
    assert answer.logits_N is not None
    assert (answer.label, answer.checkpoint) == (int(alone.label_B), int(alone.checkpoint_B)), answer
    assert answer.macs == alone.macs_B.item()
    assert answer.frames_decoded == groups * runner.network.group_size
    return float((answer.logits_N - alone.logits_BN[0]).abs().max() / alone.logits_BN.abs().max())


def kills(checkpoint: Path, videos: int = VIDEOS, times: int = KILLS) -> dict[str, object]:
    """Kill `dyninf.predict` on a folder of videos, resume it, and compare with a run that was not killed."""
    draw = random.Random(1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "videos").mkdir()
        for seed in range(4):
            write_example_video(folder / f"{seed}.mp4", seed)
        for number in range(videos):
            os.link(folder / f"{number % 4}.mp4", folder / "videos" / f"{number:05d}.mp4")
        (folder / "videos" / "damaged.mp4").write_bytes(b"no video")
        whole = folder / "whole.jsonl"
        begun = time.perf_counter()
        assert predict(checkpoint, folder / "videos", whole).wait() == 1  # one video has an error
        seconds = time.perf_counter() - begun
        killed = folder / "killed.jsonl"
        counts = []
        while len(counts) < times:
            process = predict(checkpoint, folder / "videos", killed)
            time.sleep(draw.uniform(0.3, 1) * seconds / 2)
            if process.poll() is not None:
                break
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            counts.append(sum(1 for _ in killed.open()) if killed.exists() else 0)
            shutil.copy(killed, folder / "before.jsonl") if killed.exists() else None
        assert predict(checkpoint, folder / "videos", killed).wait() == 1
        expected, found = rows(whole), rows(killed)
        assert len(found) == videos + 1, "not every video once"
        assert expected == found, "other answers than those of the run that was not killed"
    return {
        "videos": videos,
        "seconds_of_a_whole_run": round(seconds, 1),
        "kills": len(counts),
        "rows_after_each_kill": counts,
        "rows_in_the_end": len(found),
    }


def predict(checkpoint: Path, source: Path, output: Path) -> "subprocess.Popen[bytes]":
    """``python -m dyninf.predict`` into a JSONL file."""
    command = [sys.executable, "-m", "dyninf.predict", f"checkpoint={checkpoint}", f"source={source}"]
    command += [
        f"output={output}",
        "runtime=eager",
        "batch=4",
        "policy=max_probability",
        "policy.threshold=0.5",
    ]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def rows(path: Path) -> dict[str, dict[str, object]]:
    """By path, without the times; stops where a video comes twice."""
    found: dict[str, dict[str, object]] = {}
    for line in path.read_text().splitlines():
        row = json.loads(line)
        assert row["path"] not in found, f"{row['path']} comes twice"
        found[row["path"]] = {key: row[key] for key in ("label", "checkpoint", "gmacs", "frames_decoded")}
    return found


if __name__ == "__main__":
    main()
