"""What several checkpoints add to a training step, and what replaying a trace costs.

    python experiments/spine_costs/run.py

The things that are compared run in turn in one process; figures are medians over rounds. Replaying runs in a
process of its own, so that its peak memory is its own.

Legend: B clips, T frames, C, H, W, V videos, K checkpoints, N classes, P thresholds.
"""

import json
import multiprocessing
import platform
import resource
import statistics
import time
from pathlib import Path

import torch
from fvcore.nn import FlopCountAnalysis
from torch import Tensor

import dyninf
from dyninf.policies import MaxProbability
from dyninf.schemes import SchemeModule
from dyninf.trace import Trace, TraceInfo, default_thresholds, sweep

HERE = Path(__file__).resolve().parent
ROUNDS = 15


def main() -> None:
    """Measure, write results.json, print it."""
    # First, while this process is small: a child's peak memory starts from its parent's.
    replayed = in_own_process(replay)
    results = {
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads, torch {torch.__version__}",
        "plain_resnet50": plain_network(),
        "training_step": [
            step_ratio("resnet_small", clips=32, size=64, num_classes=12),
            step_ratio("resnet18", clips=2, size=112, num_classes=400),
            step_ratio("resnet50", clips=1, size=112, num_classes=400),
        ],
        "replay": replayed,
    }
    (HERE / "results.json").write_text(json.dumps(results, indent=2) + "\n")
    print(json.dumps(results, indent=2))


def plain_network() -> dict[str, float]:
    """ResNet-50, 400 classes, one frame of 224²: fvcore's count beside the cost table."""
    network = dyninf.build_network("resnet50", "plain", num_classes=400, num_frames=1).eval()
    counter = FlopCountAnalysis(network, torch.randn(1, 1, 3, 224, 224)).unsupported_ops_warnings(False)
    table = network.costs(224, 224).gmacs_K[-1]
    return {
        "params": sum(parameter.numel() for parameter in network.parameters()),
        "gmacs_fvcore": counter.total() / 1e9,
        "gmacs_fvcore_without_norm": sum(
            v for k, v in counter.by_operator().items() if k in ("conv", "linear")
        )
        / 1e9,
        "gmacs_cost_table": table,
    }


def step_ratio(
    backbone: str, clips: int, size: int, num_classes: int, num_frames: int = 8
) -> dict[str, object]:
    """Seconds of a training step: joint scheme, the same shift with one head, and the plain network."""
    video_BTCHW = torch.randn(clips, num_frames, 3, size, size)
    label_B = torch.randint(num_classes, (clips,))
    variants = {
        "plain": {"scheme": "plain"},
        "one_head": {"scheme": "joint", "checkpoints": "final"},
        "joint": {"scheme": "joint"},
    }
    steps = {
        name: Step(
            SchemeModule(
                dyninf.build_network(backbone, num_classes=num_classes, num_frames=num_frames, **kind)
            )
        )
        for name, kind in variants.items()
    }
    seconds: dict[str, list[float]] = {name: [] for name in steps}
    for round_ in range(ROUNDS + 2):
        for name, step in steps.items():
            started = time.perf_counter()
            step(video_BTCHW, label_B)
            if round_ >= 2:  # the first rounds allocate and tune
                seconds[name].append(time.perf_counter() - started)
    median = {name: statistics.median(values) for name, values in seconds.items()}
    ratios = sorted(joint / plain for joint, plain in zip(seconds["joint"], seconds["plain"], strict=True))
    return {
        "network": f"{backbone}, {clips} clips of {num_frames} x {size}²",
        "seconds": {name: round(value, 4) for name, value in median.items()},
        "joint_to_plain": round(median["joint"] / median["plain"], 3),
        "joint_to_plain_quartiles": [
            round(ratios[len(ratios) // 4], 3),
            round(ratios[3 * len(ratios) // 4], 3),
        ],
        "joint_to_one_head": round(median["joint"] / median["one_head"], 3),
    }


class Step:
    """Forward, backward, update, as `SchemeModule.training_step` computes the loss."""

    def __init__(self, module: SchemeModule) -> None:
        self.module = module.train()
        self.optimizer = torch.optim.SGD(module.parameters(), lr=0.01, momentum=0.9)

    def __call__(self, video_BTCHW: Tensor, label_B: Tensor) -> None:
        self.module.loss(self.module(video_BTCHW), label_B).backward()
        self.optimizer.step()
        self.optimizer.zero_grad()


def replay() -> dict[str, float]:
    """1,000 thresholds on a trace of 20,000 videos x 8 checkpoints x 400 classes."""
    V, K, N, P = 20_000, 8, 400, 1000
    generator = torch.Generator().manual_seed(0)
    label_V = torch.randint(N, (V,), generator=generator)
    logits_VKN = torch.randn(V, K, N, generator=generator)
    logits_VKN[torch.arange(V), :, label_V] += torch.linspace(1, 5, K)
    trace = Trace(
        logits_VKN,
        label_V,
        tuple(str(v) for v in range(V)),
        torch.linspace(1e9, 8e9, K, dtype=torch.float64),
        TraceInfo(
            "random", "0", "random/test", tuple(f"k{k}" for k in range(K)), tuple(str(n) for n in range(N))
        ),
    )
    policy = MaxProbability()
    started = time.perf_counter()
    curve = sweep(trace, policy, default_thresholds(trace, policy, P))
    return {
        "videos": V,
        "checkpoints": K,
        "classes": N,
        "thresholds": len(curve.threshold_P),
        "seconds": round(time.perf_counter() - started, 2),
        "peak_memory_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
        "of_that_logits_gb": round(logits_VKN.nbytes / 1e9, 2),
    }


def in_own_process(function) -> dict[str, float]:  # type: ignore[no-untyped-def]
    """Run `function` in a fresh interpreter."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(function)


if __name__ == "__main__":
    main()
