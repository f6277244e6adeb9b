"""Mutated files of a run, each read as commands read it: whether that ends in a read or in a clean error.

    python -m experiments.fuzz.run_files [--cases N] [--seed N] [--jobs N] [--out DIR]

Cases run as those of `experiments.fuzz.run`. The command fails where there is a fault.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from experiments.fuzz.annotation_mutations import MUTATIONS, Generator
from experiments.fuzz.children import FAULT
from experiments.fuzz.run import report
from omegaconf import OmegaConf
from tests.report.test_runs_report import make_run
from tests.trace.traces import random_trace

from dyninf import checkpoint_file
from dyninf.backbones import read_weights
from dyninf.checksum import KEY, sealed, sealed_text
from dyninf.configuration import load_group
from dyninf.policies import LogitsNotFiniteError, MaxProbability
from dyninf.report.epoch_table import EpochTable
from dyninf.report.prediction_files import FileRows
from dyninf.report.predictions import Prediction
from dyninf.report.runs import read_run
from dyninf.runtime.exported.criteria import Criterion
from dyninf.runtime.exported.manifest import ExportedCheckpoint, ExportedSegment, Manifest, Preprocessing
from dyninf.tensor_file import load_tensors, save_tensors
from dyninf.trace import FittedPolicy, Milliseconds, Trace

Read = Callable[[Path], object]

ODD: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 3, 2**31, 2**70, 1e308, float("nan"), "", "x" * 3000, "\0", "${oc.env:HOME}"),
    *([], [[]], {}, {"_target_": "os.mkdir", "_args_": ["made by a file"]}, "os.system", ["a", "b"], [1, -1]),
)
"""What a value is replaced by."""


@dataclass(frozen=True)
class Form:
    """How content is read and written: with a checksum (`seal`), and without (`save`)."""

    load: Callable[[Path], Any]
    save: Callable[[Any, Path], object]
    seal: Callable[[Any, Path], object]


@dataclass(frozen=True)
class Kind:
    """A file of a run. read: as commands do. form: of those whose content can be changed by value."""

    file: str
    read: Read
    form: Form | None = None


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


def _criterion(folder: Path) -> object:
    return Criterion.load(folder / "exported", Manifest.load(folder / "exported"))


def _rows(name: str) -> Read:
    def read(folder: Path) -> object:
        rows = FileRows(folder / name)
        rows.close()
        return rows.done

    return read


def _from_json(path: Path) -> Any:
    values = json.loads(path.read_text())
    values.pop(KEY, None)
    return values


def _to_json(value: Any, path: Path) -> None:
    path.write_text(json.dumps(value))


def _to_sealed_json(value: Any, path: Path) -> None:
    _to_json(sealed(value) if isinstance(value, dict) else value, path)


def _to_sealed_text(value: Any, path: Path) -> None:
    path.write_text(sealed_text(yaml.safe_dump(value)))


OF_JSON = Form(_from_json, _to_json, _to_sealed_json)
OF_YAML = Form(
    lambda path: yaml.safe_load(path.read_text()),
    lambda value, path: path.write_text(yaml.safe_dump(value)),
    _to_sealed_text,
)
OF_TORCH = Form(load_tensors, torch.save, lambda value, path: save_tensors(path, value))


def _run(folder: Path) -> object:
    return read_run(folder, folder.name)


KINDS = {
    "checkpoint": Kind("checkpoints/best.ckpt", _network, OF_TORCH),
    "weights": Kind("checkpoints/best.ckpt", _weights, OF_TORCH),
    "trace.json": Kind("trace/test/trace.json", _trace, OF_JSON),
    "logits.npy": Kind("trace/test/logits.npy", _trace),
    "gates.npy": Kind("trace/test/gates.npy", _trace),
    "videos.csv": Kind("trace/test/videos.csv", _trace),
    "policy.json": Kind("policy.json", _policy, OF_JSON),
    "milliseconds.json": Kind("milliseconds.json", _times, OF_JSON),
    "manifest.json": Kind("exported/manifest.json", _manifest, OF_JSON),
    "exported policy": Kind("exported/policy.json", _criterion, OF_JSON),
    "summary.json": Kind("summary.json", _run, OF_JSON),
    "config.yaml": Kind("config.yaml", _run, OF_YAML),
    "predictions.jsonl": Kind("predictions.jsonl", _rows("predictions.jsonl")),
    "predictions.csv": Kind("predictions.csv", _rows("predictions.csv")),
    "metrics.csv": Kind("metrics.csv", lambda folder: EpochTable(folder / "metrics.csv")),
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

    def has_checksum(self, number: int) -> bool:
        """Half of the cases; content that is changed by value gets the one that fits, as a forger would."""
        return number // len(NAMES) // len(KINDS) % 2 == 1

    def mutate(self, number: int, path: Path) -> None:
        """Spoil the file of a case, in place."""
        random = np.random.default_rng([self._seed, number])
        kind, mutation = KINDS[self.source(number)], self.mutation(number)
        save = None
        if kind.form is not None:
            save = kind.form.seal if self.has_checksum(number) else kind.form.save
            save(kind.form.load(path), path)
        if mutation in MUTATIONS:
            data = path.read_bytes()
            try:
                path.write_bytes(MUTATIONS[mutation](data, random))
            except UnicodeDecodeError:  # one for text alone
                path.write_bytes(MUTATIONS["noise"](data, random))
        elif kind.form is None or save is None:
            path.write_bytes(MUTATIONS["bit flips"](path.read_bytes(), random))
        else:
            content = kind.form.load(path)
            for _ in range(int(random.integers(2, 9)) if mutation == "values" else 1):
                content = _changed(content, random, gone=mutation == "value gone")
            save(content, path)

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
        trace = random_trace(20, 3, classes=4, gates=True)
        trace.save(self._folder / "trace/test")
        FittedPolicy.of(MaxProbability(0.5), trace).save(self._folder / "policy.json")
        names, macs = trace.info.checkpoints, tuple(trace.macs_K.tolist())
        times = Milliseconds(trace.info.network, names, macs, (1.0, 2.0, 3.0), "a device", 3)
        times.save(self._folder / "milliseconds.json")
        (self._folder / "exported").mkdir()
        MANIFEST.save(self._folder / "exported")
        policy = _from_json(self._folder / "policy.json") | {
            "fingerprint": MANIFEST.fingerprint,
            "checkpoints": [checkpoint.name for checkpoint in MANIFEST.checkpoints],
        }
        _to_json(policy, self._folder / "exported/policy.json")
        for name in ("predictions.jsonl", "predictions.csv"):
            rows = FileRows(self._folder / name)
            for path in ("a.mp4", 'b "1", 2.mp4', "c\n.mp4"):
                rows.write(Prediction(path, error="no video"))
            rows.close()
        (self._folder / "metrics.csv").write_text("epoch,step,loss\n0,1,0.5\n1,2,0.25\n")
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


if __name__ == "__main__":
    report(__doc__, RunFiles, "run_files", "files of a run")
