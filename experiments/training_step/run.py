"""Memory and time of one training step at the paper's size, with and without activation checkpointing.

    python -m experiments.training_step.run

Peak memory is that of a process of its own, less what the process held before the step. Times are of steps
taken in turn in one process; figures are medians over rounds.

Legend: B clips, T frames, C, H, W.
"""

import json
import multiprocessing
import platform
import resource
import statistics
import time
from pathlib import Path

import torch

import dyninf
from dyninf.schemes import SchemeModule

HERE = Path(__file__).resolve().parent
NETWORKS = ("msdnet38", "resnet50")
ROUNDS = 5


def main() -> None:
    """Measure, write results.json and results.md, print the table."""
    results = {
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}",
        "steps": [row for backbone in NETWORKS for row in measure(backbone)],
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    lines = [
        "| network | activation checkpointing | peak memory, GB | seconds | time ratio |",
        "|" + " --- |" * 5,
    ]
    for row in results["steps"]:  # type: ignore[attr-defined]
        lines.append(
            f"| {row['network']} | {'yes' if row['checkpointing'] else 'no'} | {row['peak_gb']:.2f} "
            f"| {row['seconds']:.2f} | {row['time_ratio']:.2f} |"
        )
    (HERE / "results.md").write_text("\n".join(lines) + "\n")
    print("\n".join([str(results["machine"]), *lines]))


def measure(backbone: str) -> list[dict[str, object]]:
    """One row without and one with activation checkpointing."""
    with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
        peaks = [pool.apply(peak_gb, (backbone, checkpointing)) for checkpointing in (False, True)]
        seconds = pool.apply(times, (backbone,))
    return [
        {
            "network": f"{backbone}, joint, 16 x 224², batch 1",
            "checkpointing": checkpointing,
            "peak_gb": round(peak, 3),
            "seconds": round(median, 2),
            "time_ratio": round(median / seconds[0], 3),
        }
        for checkpointing, peak, median in zip((False, True), peaks, seconds, strict=True)
    ]


def peak_gb(backbone: str, checkpointing: bool) -> float:
    """What the first two steps add to the memory of a fresh process: activations, gradients, momentum."""
    step = Step(backbone, checkpointing)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for _ in range(2):
        step()
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e6


def times(backbone: str) -> list[float]:
    """Median seconds of a step without and with activation checkpointing, steps taken in turn."""
    steps = [Step(backbone, checkpointing) for checkpointing in (False, True)]
    seconds: list[list[float]] = [[], []]
    for round_ in range(ROUNDS + 1):
        for step, found in zip(steps, seconds, strict=True):
            started = time.perf_counter()
            step()
            if round_ > 0:  # the first round allocates
                found.append(time.perf_counter() - started)
    return [statistics.median(found) for found in seconds]


class Step:
    """Forward, backward, update of the joint scheme for one clip of 16 frames of 224²."""

    def __init__(self, backbone: str, checkpointing: bool) -> None:
        torch.manual_seed(0)
        network = dyninf.build_network(backbone, "joint", num_classes=400, num_frames=16)
        self.module = SchemeModule(network, activation_checkpointing=checkpointing).train()
        self.optimizer = torch.optim.SGD(self.module.parameters(), lr=0.01, momentum=0.9)
        self.video_BTCHW = torch.randn(1, 16, 3, 224, 224)

    def __call__(self) -> None:
        self.module.loss(self.module(self.video_BTCHW), torch.tensor([0])).backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


if __name__ == "__main__":
    main()
