"""A tiny data set, and one short training run of each scheme that the tests may read."""

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest
from tests.data.published import MAKERS
from tests.end_to_end.commands import Finished, forked


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Overrides for a training of about a second: one epoch, one step, 12 classes, 48 clips of 4 frames."""
    base = tmp_path_factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # the workers make the data once
    return [
        f"paths.data_dir={shared / 'end_to_end_data'}",
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
def run_of(tiny: list[str], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a finished training of a scheme. Read only: the tests share it."""

    @cache
    def train(scheme: str) -> Path:
        folder = tmp_path_factory.mktemp(f"trained-{scheme}")
        forked("train", f"scheme={scheme}", *tiny, "output=run", cwd=folder, logs=folder / "logs").check()
        return folder / "run"

    return train


@pytest.fixture(scope="session")
def published_root(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The folder of a published data set with 2 classes and 6 clips of 16 frames. Read only."""

    @cache
    def make(dataset: str) -> Path:
        folder = tmp_path_factory.mktemp(dataset)
        MAKERS[dataset](folder, per_class=2, test_per_class=1, frames=16)
        return folder

    return make


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """The working directory of `command`, empty at first."""
    folder = tmp_path / "here"
    folder.mkdir()
    return folder


@pytest.fixture
def command(here: Path, tmp_path: Path) -> Callable[..., Finished]:
    """Runs ``dyninf.NAME`` in `here`, in a process of its own."""

    def run(name: str, *overrides: str, **environment: str) -> Finished:
        return forked(name, *overrides, cwd=here, logs=tmp_path / "logs", **environment)

    return run
