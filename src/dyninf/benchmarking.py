"""The networks of a benchmark, out of its config."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, ListConfig

from dyninf import checkpoint_file
from dyninf.configuration import build_network, make, whole_number
from dyninf.data import ClipTransform, Segment
from dyninf.grid import Network
from dyninf.runtime import Engine, choose_engine, engine_named
from dyninf.speed import DecodingRow, Machine, Row, forced_exits, measure_decoding, measure_speed
from dyninf.speed.example_video import write_example_video
from dyninf.speed.measure import StepTime

Say = Callable[[str], None]


@dataclass(frozen=True, eq=False)
class Measured:
    """A network to be measured, beside the plain one.

    size: of frames, (height, width). points: name → share.
    """

    network: Network
    plain: Network
    scheme: str
    size: tuple[int, int]
    points: dict[str, float]

    @property
    def name(self) -> str:
        return f"{self.network.backbone.name} {self.scheme}"

    def check_points(self) -> None:
        """Raise ValueError if exits cannot be forced to one of the points."""
        full_macs = self.plain.costs(*self.size).macs_K[-1].item()
        for share in self.points.values():
            forced_exits(self.network.costs(*self.size).macs_K, share * full_macs)

    def engines(self, config: DictConfig, say: Say) -> list[Engine]:
        """Those that the config names; for auto the fastest at the first batch."""
        if config.runtime != "auto":
            names = [config.runtime] if isinstance(config.runtime, str) else list(config.runtime)
            return [engine_named(name) for name in names]
        choice = choose_engine(self.network, *self.size, batch=config.batch[0])
        say(str(choice))
        return [engine_named(choice.engine)]

    def speed(
        self, config: DictConfig, engine: Engine, batch: int, machine: Machine, say: Say
    ) -> tuple[list[Row], list[StepTime]]:
        """See `measure_speed`."""
        return measure_speed(
            self.network,
            self.plain,
            self.scheme,
            engine,
            *self.size,
            batch,
            self.points,
            machine,
            config.rounds,
            config.memory_mb,
            say,
        )


def check_settings(config: DictConfig) -> None:
    """Raise ValueError for a setting that makes no sense, before anything is measured."""
    for key in ("rounds", "decoding_repeats", "num_frames", "num_classes", "height", "width"):
        whole_number(config, key, least=1)
    batches = config.batch if isinstance(config.batch, ListConfig) else []
    if not batches or any(not isinstance(batch, int) or batch < 1 for batch in batches):
        raise ValueError(
            f"batch must be a list of whole numbers of at least 1, such as [1,4]; got {config.batch}"
        )
    if config.runtime != "auto":
        for name in [config.runtime] if isinstance(config.runtime, str) else config.runtime:
            engine_named(name)


def measured_networks(config: DictConfig) -> Iterator[Measured]:
    """The network of the checkpoint, those listed in ``networks``, or that of backbone and scheme."""
    torch.manual_seed(0)  # the same weights every time, so that graphs are found in the cache
    if config.checkpoint is not None:
        file = checkpoint_file.read(config.checkpoint)
        crop, scheme = int(file.config.dataset.crop), make(file.config.scheme)
        plain = Network(
            make(file.config.backbone),
            replace(scheme, checkpoints="final"),
            len(file.classes),
            file.config.dataset.num_frames,
        )
        yield Measured(file.network(), plain.eval(), scheme.name, (crop, crop), _named(config.points))
        return
    size = (config.height, config.width)
    shape = (config.num_classes, config.num_frames)
    if config.networks is None:
        scheme = make(config.scheme)
        network = Network(make(config.backbone), scheme, *shape).eval()
        plain = Network(make(config.backbone), replace(scheme, checkpoints="final"), *shape).eval()
        yield Measured(network, plain, scheme.name, size, _named(config.points))
        return
    for one in config.networks:
        names = (one.backbone, one.scheme)
        network = build_network(*names, *shape).eval()
        plain = build_network(*names, *shape, checkpoints="final").eval()
        yield Measured(network, plain, one.scheme, size, _named(one.get("points") or config.points))


def decode_and_measure(measured: Measured, config: DictConfig, folder: Path, say: Say) -> list[DecodingRow]:
    """From file to label, on the fastest engine of the config, at the cheapest point."""
    files = [folder / f"{seed}.mp4" for seed in range(4)]
    for seed, path in enumerate(files):
        if not path.exists():
            write_example_video(path, seed)
    side = min(measured.size)
    engine = measured.engines(config, say)[0]
    say(f"{measured.name}, {engine.name}: from file to label")
    return measure_decoding(
        measured.network,
        measured.plain,
        engine,
        files * config.decoding_repeats,
        Segment(measured.network.num_frames),
        ClipTransform(max(side * 8 // 7, side), side),
        min(measured.points.values()),
        (1, max(config.batch)),
        config.rounds,
        config.memory_mb,
    )


def _named(points: Any) -> dict[str, float]:
    """Points by their names, which those of a list have from their shares."""
    if isinstance(points, DictConfig):
        return {str(name): float(share) for name, share in points.items()}
    return {f"{100 * share:.4g}%": float(share) for share in points}


def clean_command() -> str:
    """The command as it can be given again."""
    overrides = HydraConfig.get().overrides.task
    return " ".join(["python -m dyninf.benchmark", *map(shlex.quote, overrides)])
