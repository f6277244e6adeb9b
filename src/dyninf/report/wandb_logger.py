"""A W&B logger that ends no training: not without a key, without a network, or on a full disk."""

import sys
from argparse import Namespace
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pytorch_lightning.loggers import WandbLogger

from dyninf.json_file import brief
from dyninf.report.wandb_rows import Row, last_id, rows_of

FALLBACKS = (
    ("offline", "the run goes on offline; `wandb sync` sends it later"),
    ("disabled", "the run goes on without W&B"),
)


class SteadyWandbLogger(WandbLogger):
    """Lightning's WandbLogger. A run that cannot start online starts offline, else without W&B.

    What cannot be logged later is lost, each kind of it told once, in one line on standard error.

    goes_on: as the run whose files are below `save_dir`, if there is one; its rows are not logged again.
    """

    def __init__(self, goes_on: bool = False, **arguments: Any) -> None:
        folder = Path(arguments.get("save_dir") or ".")
        before = last_id(folder) if goes_on else None
        super().__init__(**(arguments if before is None else {**arguments, "id": before}))
        self._wandb_init.pop("anonymous", None)  # W&B warns of it, whatever it is
        self._told: set[str] = set()
        self._before, self._last = (set[Row](), -1) if before is None else rows_of(folder, before)

    @property
    def experiment(self) -> Any:
        """W&B's run, which starts when this is first asked for."""
        import wandb

        if self._experiment is not None:
            return self._experiment
        for mode, consequence in FALLBACKS:
            try:
                return self._counted_on(super().experiment)
            except (wandb.Error, OSError) as error:
                tell(f"W&B cannot start: {brief(error)}; {consequence}")
                self._wandb_init["mode"] = mode
        return super().experiment

    def log_hyperparams(self, params: dict[str, Any] | Namespace) -> None:  # type: ignore[override]
        with self._once("the config"):
            super().log_hyperparams(params)

    def log_metrics(self, metrics: Mapping[str, float], step: int | None = None) -> None:  # type: ignore[override]
        if step is not None and Row(step, frozenset(metrics)) in self._before:
            return
        with self._once("metrics"):
            super().log_metrics(metrics, step)

    def save(self) -> None:
        with self._once("what was logged last"):
            super().save()

    def finalize(self, status: str) -> None:
        with self._once("the end of the training"):
            super().finalize(status)

    def _counted_on(self, run: Any) -> Any:
        """A run whose rows get numbers after those of its files, as the server gives where there is one."""
        if self._last >= 0 and getattr(run, "step", 0) <= self._last:
            run.log({}, step=self._last + 1)
        return run

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
