"""Which engine is the fastest here: measured once on the segments themselves, then remembered.

Legend: B clips.
"""

from __future__ import annotations

import hashlib
import math
import time
from collections import Counter
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

import torch

from dyninf.grid import Network, Segment, segments_of
from dyninf.json_file import brief, read_json, write_json
from dyninf.processor import processor_abilities
from dyninf.runtime.engines import ENGINES, Eager, Engine, GraphFiles, cache_folder, folded
from dyninf.runtime.engines.base import Compiled
from dyninf.runtime.engines.graph_files import FORM

ROUNDS = 7
WARM_UP = 2


@dataclass(frozen=True)
class Choice:
    """The fastest engine for a network, a size of batch and a machine.

    milliseconds: of each engine that was measured, for one batch through all steps: medians of `ROUNDS`
        rounds in turn. Steps that do the same at other groups were measured once and counted so often.
    failed: engines that could not run, with the reason.
    seconds: that measuring took. remembered: it was measured earlier.
    """

    engine: str
    milliseconds: dict[str, float]
    failed: dict[str, str]
    seconds: float
    remembered: bool = False

    def __str__(self) -> str:
        times = ", ".join(f"{name} {value:.4g} ms" for name, value in sorted(self.milliseconds.items()))
        when = "measured earlier" if self.remembered else f"measured in {self.seconds:.0f} s"
        failed = "".join(f"; {name} failed: {reason}" for name, reason in self.failed.items())
        return f"runtime {self.engine} ({when}: {times}{failed})"


def choose_engine(
    network: Network,
    height: int,
    width: int,
    batch: int = 1,
    stops: Collection[int] | None = None,
    say: Callable[[str], None] = lambda text: None,
) -> Choice:
    """Measure the engines that are installed, or remember what was measured before.

    say: told that measuring begins, since it takes a while.

    A choice holds for networks of the same architecture, cut at the same places, on the same processor with
    as many threads and the same versions of everything. On a GPU it is `Eager`, the one that runs there.
    """
    if next(network.parameters()).device.type != "cpu":
        return Choice(Eager.name, {}, {}, 0.0)
    engines = [engine for engine in ENGINES.values() if engine.is_there()]
    segments = segments_of(network, height, width, stops)  # for their plans
    path = cache_folder() / "engines" / f"{_key(network, segments, batch, engines)}.json"
    if path.exists():
        return _read(path)
    say(f"measuring {', '.join(engine.name for engine in engines)}, once for this network and machine")
    begun = time.perf_counter()
    forms = {
        shift_apart: segments_of(folded(network, height, width, shift_apart), height, width, stops)
        for shift_apart in {engine.shift_apart for engine in engines}
    }
    counts = Counter(_work(segment) for segment in segments)
    # The last of those alike: its temporal shift has features of an earlier group to read.
    alike = list({_work(segment): i for i, segment in enumerate(segments)}.values())
    compiled: dict[str, list[Compiled]] = {}
    failed: dict[str, str] = {}
    with GraphFiles(network) as graphs:
        for engine in engines:
            try:
                compiled[engine.name] = [
                    _compiled(engine(), forms[engine.shift_apart][i], batch, graphs) for i in alike
                ]
            except Exception as error:  # whatever: another engine will do, and the choice says what it was
                failed[engine.name] = f"{type(error).__name__}: {error}".splitlines()[0][:200]
    measured = [segments[i] for i in alike]
    milliseconds = _measure(compiled, measured, [counts[_work(segment)] for segment in measured], batch)
    best = min(milliseconds, key=lambda name: milliseconds[name])
    choice = Choice(best, milliseconds, failed, time.perf_counter() - begun)
    write_json(path, asdict(choice))
    return choice


def _compiled(engine: Engine, segment: Segment, batch: int, graphs: GraphFiles) -> Compiled:
    compiled = engine.compile(segment, batch, graphs)
    for _ in range(WARM_UP):
        compiled(segment.example(batch))
    return compiled


def _measure(
    compiled: dict[str, list[Compiled]], segments: Sequence[Segment], counts: Sequence[int], batch: int
) -> dict[str, float]:
    totals = dict.fromkeys(compiled, 0.0)
    for i, (segment, count) in enumerate(zip(segments, counts, strict=True)):
        inputs = segment.example(batch)
        times: dict[str, list[float]] = {name: [] for name in compiled}
        for _ in range(ROUNDS):
            for name, runs in compiled.items():
                start = time.perf_counter()
                runs[i](inputs)
                times[name].append((time.perf_counter() - start) * 1000)
        for name, found in times.items():
            totals[name] += count * median(found)
    return totals


def _work(segment: Segment) -> tuple[int, ...]:
    """What tells segments apart that do different work: their stages."""
    return tuple(cell.stage for cell in segment.plan.cells)


def _key(network: Network, segments: Sequence[Segment], batch: int, engines: Sequence[type[Engine]]) -> str:
    shapes = [(name, tuple(tensor.shape)) for name, tensor in network.state_dict().items()]
    what = (
        network.name,
        network.backbone.variant,
        shapes,
        [segment.plan for segment in segments],
        batch,
        FORM,
        [(engine.name, engine.shift_apart, engine.versions()) for engine in engines],
        processor_abilities(),
        torch.get_num_threads(),
    )
    return hashlib.sha256(repr(what).encode()).hexdigest()[:16]


def _read(path: Path) -> Choice:
    try:
        facts = read_json(path)
        milliseconds = {str(name): float(value) for name, value in dict(facts["milliseconds"]).items()}
        failed = {str(name): str(reason) for name, reason in dict(facts["failed"]).items()}
        if facts["engine"] not in ENGINES:
            raise ValueError(f"there is no engine {facts['engine']!r}")
        if not all(map(math.isfinite, milliseconds.values())):
            raise ValueError("its times are not finite")
        return Choice(facts["engine"], milliseconds, failed, float(facts["seconds"]), True)
    except (KeyError, ValueError, TypeError, OverflowError) as error:
        raise ValueError(
            f"{path} is damaged: {brief(error)}; remove it, and the engines are measured again"
        ) from error
