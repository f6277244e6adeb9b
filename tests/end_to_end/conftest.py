"""A tiny data set, and one short training run of each scheme that the tests may read."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from tests.data.published import MAKERS
from tests.end_to_end.commands import Finished, forked
from tests.made_once import MadeOnce, common_base


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Overrides for a training of about a second: one epoch, one step, 12 classes, 48 clips of 4 frames."""
    return [
        f"paths.data_dir={common_base(tmp_path_factory) / 'end_to_end_data'}",
        "dataset.train_clips=2",
        "dataset.calibration_clips=1",
        "dataset.test_clips=1",
        "dataset.num_workers=0",
        "dataset.num_frames=4",
        "trainer.max_epochs=1",
        "trainer.log_every_n_steps=1",
        "trainer.enable_progress_bar=false",
        "callbacks=quiet",
    ]


@pytest.fixture(scope="session")
def run_of(tiny: list[str], made_once: MadeOnce) -> Callable[[str], Path]:
    """The folder of a finished training of a scheme. Read only: the tests share it."""

    @cache
    def trained(scheme: str) -> Path:
        def train(folder: Path) -> None:
            forked("train", f"scheme={scheme}", *tiny, "output=run", cwd=folder, logs=folder / "logs").check()

        return made_once(f"trained-{scheme}", train) / "run"

    return trained


@pytest.fixture(scope="session")
def published_root(made_once: MadeOnce) -> Callable[[str], Path]:
    """The folder of a published data set with 2 classes and 6 clips of 16 frames. Read only."""

    @cache
    def make(dataset: str) -> Path:
        return made_once(
            f"published-{dataset}",
            lambda folder: MAKERS[dataset](folder, per_class=2, test_per_class=1, frames=16),
        )

    return make


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The working directory of `command`, empty at first."""
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


@pytest.fixture
def command(here: Path, tmp_path: Path) -> Callable[..., Finished]:
    """Runs ``dyninf.NAME`` in `here`, in a process of its own, which has imported everything already."""

    def run(name: str, *overrides: str, stdin: str = "", **environment: str) -> Finished:
        return forked(name, *overrides, cwd=here, logs=tmp_path / "logs", stdin=stdin, **environment)

    return run
