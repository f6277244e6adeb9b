"""Mutated files of a run, each read as commands read it: whether that ends in a read or in a clean error.

    python -m experiments.fuzz.run_files [--cases N] [--seed N] [--jobs N] [--out DIR]

Cases run as those of `experiments.fuzz.run`. The command fails where there is a fault.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from experiments.fuzz.annotation_mutations import MUTATIONS, Generator
from experiments.fuzz.children import FAULT, MEGABYTES, SECONDS, run_cases
from experiments.fuzz.run import summary, table
from omegaconf import OmegaConf
from tests.report.test_runs_report import make_run
from tests.trace.traces import random_trace

from dyninf import checkpoint_file
from dyninf.backbones import read_weights
from dyninf.configuration import load_group
from dyninf.policies import LogitsNotFiniteError, MaxProbability
from dyninf.report.runs import read_run
from dyninf.runtime.exported.manifest import ExportedCheckpoint, ExportedSegment, Manifest, Preprocessing
from dyninf.trace import FittedPolicy, Milliseconds, Trace

Read = Callable[[Path], object]

ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 3, 2**31, 2**70, 1e308, float("nan"), "", "x" * 3000, "\0", "${oc.env:HOME}"),
    *([], [[]], {}, {"_target_": "os.mkdir", "_args_": ["made by a file"]}, "os.system", ["a", "b"], [1, -1]),
)
"""What a value is replaced by."""


@dataclass(frozen=True)
class Kind:
    """A file of a run. read: as commands do. load, save: of its content, where that is changed by value."""

    file: str
    read: Read
    load: Callable[[Path], Any] | None = None
    save: Callable[[Any, Path], object] | None = None


def _network(folder: Path) -> object:
    return checkpoint_file.read(folder / "checkpoints/best.ckpt").network()


def _trace(folder: Path) -> object:
    trace = Trace.load(folder / "trace/test")
    return trace.replay(MaxProbability(0.5))


def _weights(folder: Path) -> object:
    return read_weights(str(folder / "checkpoints/best.ckpt"))


def _policy(folder: Path) -> object:
    return FittedPolicy.load(folder / "policy.json")


def _times(folder: Path) -> object:
    return Milliseconds.load(folder / "milliseconds.json")


def _manifest(folder: Path) -> object:
    return Manifest.load(folder / "exported")


def _from_json(path: Path) -> Any:
    return json.loads(path.read_text())


def _to_json(value: Any, path: Path) -> None:
    path.write_text(json.dumps(value))


def _run(folder: Path) -> object:
    return read_run(folder, folder.name)


KINDS = {
    "checkpoint": Kind("checkpoints/best.ckpt", _network, torch.load, torch.save),
    "weights": Kind(
        "checkpoints/best.ckpt", lambda folder: read_weights(str(folder / "checkpoints/best.ckpt"))
    ),
    "trace.json": Kind("trace/test/trace.json", _trace, _from_json, _to_json),
    "logits.npy": Kind("trace/test/logits.npy", _trace),
    "videos.csv": Kind("trace/test/videos.csv", _trace),
    "policy.json": Kind(
        "policy.json", lambda folder: FittedPolicy.load(folder / "policy.json"), _from_json, _to_json
    ),
    "milliseconds.json": Kind(
        "milliseconds.json",
        lambda folder: Milliseconds.load(folder / "milliseconds.json"),
        _from_json,
        _to_json,
    ),
    "manifest.json": Kind("exported/manifest.json", _manifest, _from_json, _to_json),
    "summary.json": Kind("summary.json", _run, _from_json, _to_json),
    "config.yaml": Kind("config.yaml", _run),
}
MANIFEST = Manifest(
    *("resnet_small-joint-4f", "0123456789abcdef", "0.1.0", ("a", "b", "c"), 4, ((0, 3), (1, 2)), False),
    Preprocessing("segment", 1, 72, 64, 64, (0.5, 0.5, 0.5), (0.2, 0.2, 0.2)),
    (ExportedCheckpoint("2f-res5", 1e6), ExportedCheckpoint("4f-res5", 2e6)),
    (
        ExportedSegment(
            *("0.onnx", "0" * 64, (0,), (1,), {"frames.1": (2, 3, 64, 64)}),
            *(("logits", "next.sums.4"), ("sums.4",)),
        ),
        ExportedSegment(
            *("1.onnx", "1" * 64, (1,), (2,), {"frames.2": (2, 3, 64, 64), "sums.4": (8,)}),
            *(("logits",), ()),
        ),
    ),
)
NAMES = (*MUTATIONS, "value", "values", "value gone")


class RunFiles:
    """The cases: number by number another mutation and file, all of them from the seed."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed

    def mutation(self, number: int) -> str:
        return NAMES[number % len(NAMES)]

    def source(self, number: int) -> str:
        return list(KINDS)[number // len(NAMES) % len(KINDS)]

    def mutate(self, number: int, path: Path) -> None:
        """Spoil the file of a case, in place."""
        random = np.random.default_rng([self._seed, number])
        kind, mutation = KINDS[self.source(number)], self.mutation(number)
        if mutation in MUTATIONS:
            data = path.read_bytes()
            try:
                path.write_bytes(MUTATIONS[mutation](data, random))
            except UnicodeDecodeError:  # one for text alone
                path.write_bytes(MUTATIONS["noise"](data, random))
        elif kind.load is None or kind.save is None:
            path.write_bytes(MUTATIONS["bit flips"](path.read_bytes(), random))
        else:
            content = kind.load(path)
            for _ in range(int(random.integers(2, 9)) if mutation == "values" else 1):
                content = _changed(content, random, gone=mutation == "value gone")
            kind.save(content, path)

    def __call__(self, folder: Path) -> Reading:
        """What a child does."""
        return Reading(self, folder / "run")


class Reading:
    """Writes the file of a case into a run, reads it, and judges what came of it."""

    def __init__(self, cases: RunFiles, folder: Path) -> None:
        self._cases = cases
        self._folder = folder
        self._made = cache(self._make)

    def read(self, number: int) -> object:
        self._made()
        kind = KINDS[self._cases.source(number)]
        file = self._folder / kind.file
        before = file.read_bytes()
        try:
            self._cases.mutate(number, file)
            return kind.read(self._folder)
        except (ValueError, OSError) as error:
            return error
        finally:
            file.write_bytes(before)

    def judge(self, number: int, result: object) -> tuple[str, str]:
        if Path("made by a file").exists():
            return FAULT, "it ran what the file named"
        if not isinstance(result, Exception):
            return "read", ""
        message = str(result)
        if type(result) not in (ValueError, FileNotFoundError, LogitsNotFiniteError):
            return FAULT, f"{type(result).__name__}: {message[:200]}"
        if not message.isprintable() or len(message) > 600 + len(str(self._folder)):
            return FAULT, f"not one clear line: {message[:300]!r}"
        return "clean error", message.replace(str(self._folder), "RUN")

    def _make(self) -> None:
        make_run(self._folder)
        trace = random_trace(20, 3, classes=4)
        trace.save(self._folder / "trace/test")
        FittedPolicy.of(MaxProbability(0.5), trace).save(self._folder / "policy.json")
        names, macs = trace.info.checkpoints, tuple(trace.macs_K.tolist())
        times = Milliseconds(trace.info.network, names, macs, (1.0, 2.0, 3.0), "a device", 3)
        times.save(self._folder / "milliseconds.json")
        (self._folder / "exported").mkdir()
        MANIFEST.save(self._folder / "exported")
        config = OmegaConf.create(
            {
                "backbone": load_group("backbone", "resnet_small"),
                "scheme": load_group("scheme", "joint").scheme,
                "dataset": {"_target_": "dyninf.data.Synthetic", "num_frames": 4},
            }
        )
        network = checkpoint_file.make_network(config, 4)
        content = {
            "state_dict": {f"{checkpoint_file.PREFIX}{k}": v for k, v in network.state_dict().items()},
            checkpoint_file.SAVED_KEY: checkpoint_file.saved_facts(config, ("a", "b", "c", "d")),
        }
        (self._folder / "checkpoints").mkdir()
        torch.save(content, self._folder / "checkpoints/best.ckpt")


def _changed(value: Any, random: Generator, gone: bool) -> Any:
    """A value of the same form in which one, somewhere, is another, or is not there."""
    if isinstance(value, dict) and value and random.random() < 0.9:
        key = list(value)[int(random.integers(len(value)))]
        rest = {name: one for name, one in value.items() if name != key}
        if gone and random.random() < 0.5:
            return rest
        return {**rest, key: _changed(value[key], random, gone)}
    if isinstance(value, list) and value and random.random() < 0.9:
        place = int(random.integers(len(value)))
        if gone and random.random() < 0.5:
            return [*value[:place], *value[place + 1 :]]
        return [*value[:place], _changed(value[place], random, gone), *value[place + 1 :]]
    return ODD[int(random.integers(len(ODD)))]


def main() -> None:
    """Run all cases, write run_files.json and run_files.md, print the table and the faults."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent)
    arguments = parser.parse_args()
    cases = RunFiles(arguments.seed)
    found = summary(cases, run_cases(cases, range(arguments.cases), arguments.jobs))
    limits = {"processor_seconds": SECONDS, "megabytes": MEGABYTES}
    arguments.out.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"seed": arguments.seed, "limits": limits, **found}, indent=2)
    (arguments.out / "run_files.json").write_text(text + "\n")
    (arguments.out / "run_files.md").write_text(table("files of a run", found))
    print(table("files of a run", found))
    for fault in found["faults"]:
        print(fault)
    sys.exit(1 if found["faults"] else 0)


if __name__ == "__main__":
    main()
