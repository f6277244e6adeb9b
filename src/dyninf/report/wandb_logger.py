"""A W&B logger that ends no training: not without a key, without a network, or on a full disk."""

import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pytorch_lightning.loggers import WandbLogger

from dyninf.json_file import brief

FALLBACKS = (
    ("offline", "the run goes on offline; `wandb sync` sends it later"),
    ("disabled", "the run goes on without W&B"),
)


class SteadyWandbLogger(WandbLogger):
    """Lightning's WandbLogger. A run that cannot start online starts offline, else without W&B.

    What cannot be logged later is lost, each kind of it told once, in one line on standard error.
    """

    def __init__(self, **arguments: Any) -> None:
        super().__init__(**arguments)
        self._wandb_init.pop("anonymous", None)  # W&B warns of it, whatever it is
        self._told: set[str] = set()

    @property
    def experiment(self) -> Any:
        """W&B's run, which starts when this is first asked for."""
        import wandb

        for mode, consequence in FALLBACKS:
            try:
                return super().experiment
            except (wandb.Error, OSError) as error:
                tell(f"W&B cannot start: {brief(error)}; {consequence}")
                self._wandb_init["mode"] = mode
        return super().experiment

    def log_hyperparams(self, params: dict[str, Any] | Namespace) -> None:  # type: ignore[override]
        with self._once("the config"):
            super().log_hyperparams(params)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:  # type: ignore[override]
        with self._once("metrics"):
            super().log_metrics(metrics, step)

    def save(self) -> None:
        with self._once("what was logged last"):
            super().save()

    def finalize(self, status: str) -> None:
        with self._once("the end of the training"):
            super().finalize(status)

    @contextmanager
    def _once(self, what: str) -> Iterator[None]:
        try:
            yield
        except Exception as error:
            if what not in self._told:
                self._told.add(what)
                tell(f"W&B lost {what}: {brief(error)}")


@contextmanager
def kept(what: str) -> Iterator[None]:
    """Go on where a logger fails, whatever it raises, with one line that names what it lost.

    The figures are in the run's folder as well, and worth more than their copy.
    """
    try:
        yield
    except Exception as error:
        tell(f"the logger lost {what}: {brief(error)}")


def tell(what: str) -> None:
    """A line on standard error."""
    print(f"warning: {what}", file=sys.stderr, flush=True)
