"""What people would run instead: the whole network on several engines, and the package earlyon.

    pip install --no-deps earlyon==0.3.0
    python -m experiments.paper_points.peers

A clip is 16 frames of 224×224. Exits are forced to the same shares for all: after res3, res4, at the end.
Rounds in turn, medians. Writes peers.csv and peers.md.

Legend: B clips of a batch, M images.
"""

import csv
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch
from torchvision.models import resnet50

import dyninf
from dyninf.report.plain_table import PlainTable
from dyninf.runtime import Runner, answer_clips, engine_named
from dyninf.speed import forced_exits
from dyninf.speed.measure import MemoryClip

HERE = Path(__file__).resolve().parent
T, SIDE, CLASSES, CLIPS, ROUNDS = 16, 224, 400, 16, 3
SHARE = 0.5385  # 35 of 65 GMACs
BATCHES = (1, 4)  # 16 clips of 16 frames take several times the memory, and are no faster
ALWAYS = 1e-9  # a threshold of earlyon, which asks for a softmax probability above 0


def main() -> None:
    """Measure, write, print."""
    import earlyon
    from earlyon.models import custom_ee

    torch.manual_seed(0)
    network = dyninf.build_network("resnet50", "depth", CLASSES, T).eval()
    plain = dyninf.build_network("resnet50", "depth", CLASSES, T, checkpoints="final").eval()
    macs_K, full = network.costs(SIDE, SIDE).macs_K, plain.costs(SIDE, SIDE).macs_K[-1].item()
    policy = forced_exits(macs_K, SHARE * full)
    images = torch.randn(CLIPS, T, 3, SIDE, SIDE)
    clips = [MemoryClip(f"{i}", [images[i]]) for i in range(CLIPS)]
    exits = [answer.checkpoint for answer in answer_clips(Runner(network, SIDE, SIDE), policy, clips)]
    share_of_macs = macs_K[torch.tensor(exits)].mean().item() / full

    ways: dict[tuple[str, int], Callable[[], None]] = {}
    for batch in BATCHES:
        for name in ("openvino", "onnxruntime", "eager", "compile"):
            ways[f"dyninf, whole TSM-ResNet-50, {name}", batch] = whole(plain, name, batch, images)
        runner = Runner(network, SIDE, SIDE, engine_named("openvino"), batch, cache=True)
        ways["dyninf, exits, openvino", batch] = lambda runner=runner, batch=batch: sum(  # type: ignore[misc]
            1 for _ in answer_clips(runner, policy, clips, batch, 8192)
        )
    model = custom_ee(resnet50(num_classes=CLASSES).eval(), ["layer2", "layer3"], CLASSES).eval()
    ways["earlyon, whole ResNet-50 of torchvision in it", 1] = lambda: earlyon_clips(
        model, images, [2] * CLIPS, 1
    )
    ways["earlyon, exits", 1] = lambda: earlyon_clips(model, images, exits, 1)
    ways["earlyon, exits", 16] = lambda: earlyon_clips(model, images, exits, CLIPS)
    ways["earlyon, exits, image by image", 1] = lambda: earlyon_images(model, images, exits)
    times: dict[tuple[str, int], list[float]] = {way: [] for way in ways}
    for _ in range(ROUNDS + 1):
        for way, run in ways.items():
            start = time.perf_counter()
            run()
            times[way].append((time.perf_counter() - start) / CLIPS * 1000)
            print(*way, round(times[way][-1]), flush=True)
    rows = [
        {"system": name, "batch": batch, "ms": median(found[1:])} for (name, batch), found in times.items()
    ]
    best = min(float(row["ms"]) for row in rows if "whole" in str(row["system"]))
    with (HERE / "peers.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    table = PlainTable(
        "What people would run instead",
        ["system", "batch", "ms a clip", "against the fastest whole network"],
        [
            [str(r["system"]), str(r["batch"]), f"{r['ms']:.0f}", f"{best / float(r['ms']):.2f}×"]
            for r in rows
        ],
        f"16 frames of 224×224, {share_of_macs:.1%} of the multiply-adds where clips leave ({CLIPS} clips); "
        f"{torch.get_num_threads()} threads, torch {torch.__version__}, earlyon {earlyon.__version__}.",
    )
    (HERE / "peers.md").write_text(table.markdown() + "\n")
    print(table.markdown())


def whole(plain: dyninf.Network, engine: str, batch: int, images: torch.Tensor) -> Callable[[], None]:
    """The whole network for all clips, in batches."""
    runner = Runner(plain, SIDE, SIDE, engine_named(engine), batch, cache=True)

    def run() -> None:
        for start in range(0, CLIPS, batch):
            runner.run(runner.steps[0], runner.start(), {1: images[start : start + batch]})

    return run


def earlyon_clips(model: torch.nn.Module, images: torch.Tensor, exits: list[int], batch: int) -> None:
    """Clips as batches of images, which earlyon lets leave together, where the last one of them would."""
    for start in range(0, len(images), batch):
        force(model, max(exits[start : start + batch]))
        model.forward_inference_batched(images[start : start + batch].flatten(0, 1))


def earlyon_images(model: torch.nn.Module, images: torch.Tensor, exits: list[int]) -> None:
    """Every image by itself, each leaving where its clip does: the use that earlyon is made for."""
    for clip, k in zip(images, exits, strict=True):
        force(model, k)
        for image in clip:
            model(image[None], mode="inference")


def force(model: torch.nn.Module, k: int) -> None:
    """Have everything leave at exit k; 2 is the end."""
    model.config.enabled_exits = [place == k for place in range(2)]
    model.config.confidence_thresholds = [ALWAYS] * 2


if __name__ == "__main__":
    main()
