"""How the learning rate follows the number of clips that a step learns from."""

import math
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

import pytorch_lightning as pl

from dyninf.schemes import SchemeModule

RULES = ("linear", "sqrt")


@dataclass(frozen=True)
class Step:
    """What a step of a training learns from, and how fast.

    processes: of the training; batch: clips that each of them takes at a time; accumulated: such batches of a
    step; learning_rate: of the optimizer at first, None where it has no one.
    """

    processes: int
    batch: int
    accumulated: int
    learning_rate: float | None

    @property
    def clips(self) -> int:
        """Of all processes, and of all batches that are accumulated."""
        return self.processes * self.batch * self.accumulated

    def facts(self) -> dict[str, Any]:
        """As plain values, for files and loggers."""
        return asdict(self) | {"clips_per_step": self.clips}

    def __str__(self) -> str:
        parts = [f"{self.processes} processes"] if self.processes > 1 else []
        parts += [f"{self.batch} clips"] + ([f"{self.accumulated} batches"] if self.accumulated > 1 else [])
        product = f" ({' x '.join(parts)})" if len(parts) > 1 else ""
        rate = "" if self.learning_rate is None else f", learning rate {self.learning_rate:g}"
        return f"{self.clips} clips a step{product}{rate}"


def scaled(learning_rate: float, rule: str | None, clips: int, reference: int | None) -> float:
    """A learning rate that is meant for `reference` clips a step, at `clips`.

    rule: "linear": as many times as large as there are clips (Goyal et al. 2017, arXiv 1706.02677, section
        2.1, who also warm up to it in the first epochs); "sqrt": times the square root of that (Krizhevsky
        2014, arXiv 1404.5997); None: as it is.

    Raises ValueError for another rule, or one without a reference.
    """
    if rule is None:
        return learning_rate
    if rule not in RULES:
        raise ValueError(f"scale_lr must be {' or '.join(RULES)}, or null; got {rule!r}")
    if type(reference) is not int or reference < 1:
        raise ValueError(
            f"scale_lr={rule} needs reference_batch, the clips a step that optimizer.lr is for: a whole "
            f"number of 1 or more; got {reference!r}"
        )
    ratio = clips / reference
    return learning_rate * (ratio if rule == "linear" else math.sqrt(ratio))


def scale_learning_rate(
    module: SchemeModule,
    trainer: pl.Trainer,
    batch: int,
    rule: str | None = None,
    reference: int | None = None,
) -> Step:
    """Scale the ``lr`` of a module's optimizer for a trainer whose processes take `batch` clips each.

    Raises ValueError as `scaled`, or if a rule is given and the optimizer has no ``lr`` to scale.
    """
    optimizer = module.optimizer
    given = optimizer.keywords.get("lr") if isinstance(optimizer, partial) else None
    step = Step(trainer.world_size, batch, trainer.accumulate_grad_batches, given)
    if rule is None:
        return step
    if not isinstance(optimizer, partial) or given is None:
        raise ValueError(f"scale_lr={rule} needs optimizer.lr")
    learning_rate = scaled(given, rule, step.clips, reference)
    module.optimizer = partial(optimizer.func, *optimizer.args, **optimizer.keywords | {"lr": learning_rate})
    return Step(step.processes, step.batch, step.accumulated, learning_rate)
