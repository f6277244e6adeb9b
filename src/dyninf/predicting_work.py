"""What ``dyninf.predict`` is to do, as a value that goes to who does it; and to do it in this process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from dyninf.grid import Network
from dyninf.policies import Policy
from dyninf.predicting import Source, make_runner, predict
from dyninf.report import Annotator, Rows, Totals
from dyninf.runtime import Runner


@dataclass(frozen=True)
class Work:
    """How the clips of a source are answered; all of it can be pickled.

    checkpoint: the file of the network. device: where that runs. runtime, batch, memory_mb, decoders: as
    `make_runner` and `predict` take them.
    """

    checkpoint: Path
    classes: tuple[str, ...]
    policy: Policy
    source: Source
    device: str = "cpu"
    runtime: str = "auto"
    batch: int = 1
    memory_mb: float = 2048
    decoders: int = 1

    def on(self, videos: Sequence[Path]) -> Work:
        """The same for these videos."""
        return replace(self, source=self.source.of(videos))

    def runner(self, network: Network) -> Runner:
        """The network of the checkpoint, made ready. Raises ValueError as `make_runner` does."""
        crop = self.source.datamodule.test_transform.crop
        return make_runner(self.runtime, network.to(self.device), crop, self.batch, self.policy)

    def answer(self, runner: Runner, rows: Rows, annotator: Annotator | None = None) -> Totals:
        """Write a row for every clip, as `predict` does."""
        more = (annotator, self.batch, self.memory_mb, self.decoders)
        return predict(runner, self.policy, self.source, self.classes, rows, *more)


class Local:
    """Answers in this process."""

    def check(self, output: Path | None, annotate: Path | None) -> None:
        """Every output will do."""

    def ready(
        self, work: Work, network: Network, annotator: Annotator | None = None
    ) -> Callable[[Rows], Totals]:
        """What fills rows. Raises ValueError if the work cannot be done with the network."""
        return partial(work.answer, work.runner(network), annotator=annotator)
