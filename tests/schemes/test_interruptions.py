"""A training that ends at any moment and goes on from last.ckpt is one that never ended.

The end is an error in some hook, in a process that goes on; `tests/experiments/test_faults.py` kills one.
"""

import csv
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import torch
from pytorch_lightning import Callback, Trainer
from pytorch_lightning.callbacks import LearningRateMonitor, ModelCheckpoint
from pytorch_lightning.utilities.exceptions import SIGTERMException
from tests.networks import NUM_CLASSES, random_clips, random_network
from torch.optim import SGD
from torch.optim.lr_scheduler import MultiStepLR
from torch.utils.data import Dataset

from dyninf.data import Clip, Draw, Video, VideoDataModule
from dyninf.report import CsvLog, EpochTable
from dyninf.schemes import CheckpointFiles, InputAxisModule, LastCheckpoint, Mixup, SeedSteps
from dyninf.seeds import seeded
from dyninf.tensor_file import load_tensors

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*exists and is not empty.*"),
    pytest.mark.filterwarnings("ignore:.*your dataloader is not resumable.*"),
]

CLIPS, BATCH, EPOCHS, STEPS = 13, 4, 3, 3  # of an epoch: 12 clips are used


class Memory(Dataset):
    """Clips in memory; those of a draw are another every epoch."""

    def __init__(self, number: int, train: bool) -> None:
        self.train = train
        self.clips = [Clip(video, i % NUM_CLASSES, str(i)) for i, video in enumerate(random_clips(number, 4))]

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int | Draw) -> Clip:
        if not isinstance(index, Draw):
            return self.clips[index]
        clip = self.clips[index.clip]
        with seeded("clip", index.epoch, index.clip):
            return clip._replace(video=clip.video + 0.1 * torch.rand(clip.video.shape))


class MemoryModule(VideoDataModule):
    name = "memory"
    class_names = tuple("abcde"[:NUM_CLASSES])

    def all_videos(self, split: str) -> list[Video]:
        raise NotImplementedError

    def dataset(self, split: str, train: bool = False, views: bool = True) -> Memory:
        return Memory(CLIPS if train else 5, train)


class Crash(Callback):
    """Raises an error in the n-th call of a hook, or does something else there."""

    def __init__(self, hook: str, n: int, act: Callable[[], None] | None = None) -> None:
        self.left = n
        self.act = act
        setattr(self, hook, self.called)

    def called(self, *arguments: object) -> None:
        self.left -= 1
        if self.left == 0:
            if self.act is None:
                raise ConnectionError("the plug was pulled")
            self.act()


def trainer_of(folder: Path, *more: Callback, last: dict | None = None, **settings: object) -> Trainer:
    best = ModelCheckpoint(folder, "best", "val/loss", mode="min", enable_version_counter=False)
    return Trainer(
        accelerator="cpu",
        logger=[EpochTable(folder / "metrics.csv"), CsvLog(folder, resume=True)],
        callbacks=[
            best,
            LastCheckpoint(folder, **(last or {})),
            SeedSteps(7),
            LearningRateMonitor(logging_interval="epoch"),
            *more,
        ],
        plugins=[CheckpointFiles()],
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
        log_every_n_steps=1,
        **{"max_epochs": EPOCHS, **settings},
    )


def fit(
    trainer: Trainer,
    folder: Path,
    mixing: Mixup | None = None,
    begin: Path | None = None,
    batch_size: int = BATCH,
) -> None:
    """Train, or go on where the folder has a last.ckpt: into another network, after other random numbers.

    begin: the file to go on from instead.
    """
    last = begin or folder / "last.ckpt"
    resume = last if last.is_file() else None
    network = random_network(
        "resnet_small", "input", 4, seed=1 if resume is None else 2, width=8, head_width=8, dropout=0.3
    )
    module = InputAxisModule(
        network.train(),
        partial(SGD, lr=0.01, momentum=0.9),
        partial(MultiStepLR, milestones=[1, 2]),
        mixing=mixing,
    )
    trainer.fit(module, MemoryModule(folder, batch_size=batch_size, num_workers=0), ckpt_path=resume)


def left_by(folder: Path) -> dict[str, object]:
    """Weights, optimizer and schedule of the last and the best epoch, and the table of all."""
    logs = ("metrics.csv", "logs/version_0/metrics.csv")
    found: dict[str, object] = {log: (folder / log).read_text() for log in logs}
    for name in ("last", "best"):
        content = load_tensors(folder / f"{name}.ckpt")
        kept = (
            "state_dict",
            "optimizer_states",
            "lr_schedulers",
            "epoch",
            "global_step",
            "loops",
            "epoch_sums",
        )
        found |= flat({key: content[key] for key in kept}, name)
        found |= {f"{name} best": float(next(iter(content["callbacks"].values()))["best_model_score"])}
    return found


def flat(value: object, place: str) -> dict[str, object]:
    if isinstance(value, dict):
        return {k: v for key, inner in value.items() for k, v in flat(inner, f"{place}.{key}").items()}
    if isinstance(value, list):
        return flat(dict(enumerate(value)), place)
    return {place: value.numpy().tobytes() if isinstance(value, torch.Tensor) else value}


def differing(one: dict[str, object], other: dict[str, object]) -> list[str]:
    return sorted(key for key in one.keys() | other.keys() if one.get(key) != other.get(key))


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    folder = tmp_path_factory.mktemp("undisturbed")
    fit(trainer_of(folder), folder)
    assert len(list(csv.DictReader((folder / "metrics.csv").open()))) == EPOCHS
    return left_by(folder)


MOMENTS = [  # of one life each
    ("on_train_batch_start", 1),
    ("on_before_zero_grad", 2),
    ("on_train_batch_end", 3),
    ("on_validation_batch_end", 1),
    ("on_validation_end", 1),
    ("on_train_epoch_end", 1),
    ("on_train_batch_start", 5),
    ("on_train_epoch_start", 2),
    ("on_train_batch_end", 2),
    ("on_train_end", 1),
]


@pytest.mark.parametrize("last", [{}, {"every_steps": 2}, {"every_minutes": 1e-6}], ids=str)
def test_a_training_that_ends_at_any_moment_goes_on_as_if_it_had_not(
    last: dict[str, float], undisturbed: dict[str, object], tmp_path: Path
) -> None:
    lives, done = iter(MOMENTS), False
    while not done:
        crash = Crash(*next(lives, ("on_fit_start", 0)))
        try:
            fit(trainer_of(tmp_path, crash, last=last), tmp_path)
            done = True
        except ConnectionError:
            assert crash.left == 0
    assert len(list(lives)) <= 3  # most of them came to pass
    assert differing(left_by(tmp_path), undisturbed) == []


SIGNALS = [  # when it comes, how the training ends, and the epochs and batches that are done by then
    (signal.SIGUSR1, "on_train_batch_start", 5, None, (1, 2)),
    (signal.SIGTERM, "on_train_batch_start", 5, SIGTERMException, (1, 2)),
    (signal.SIGTERM, "on_train_batch_start", 6, SIGTERMException, (1, 3)),
    (signal.SIGTERM, "on_validation_batch_start", 3, SIGTERMException, (1, 3)),
    (signal.SIGTERM, "on_validation_batch_start", 4, SIGTERMException, (2, 0)),
    (signal.SIGINT, "on_train_batch_start", 5, SystemExit, (1, 2)),
    (signal.SIGINT, "on_validation_batch_start", 3, SystemExit, (1, 3)),
]


@pytest.mark.parametrize("number, hook, n, end, done", SIGNALS)
def test_a_signal_has_a_checkpoint_at_the_end_of_its_batch(
    number: signal.Signals,
    hook: str,
    n: int,
    end: type[BaseException] | None,
    done: tuple[int, int],
    undisturbed: dict[str, object],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    before = signal.getsignal(signal.SIGUSR1), signal.getsignal(signal.SIGINT)
    sent = Crash(hook, n, lambda: signal.raise_signal(number))
    plug = Crash("on_train_batch_start", 6 if n == 5 else 7)
    with pytest.raises(end or ConnectionError):
        fit(trainer_of(tmp_path, sent, plug), tmp_path)
    assert (signal.getsignal(signal.SIGUSR1), signal.getsignal(signal.SIGINT)) == before
    epochs, batches = done
    loops = load_tensors(tmp_path / "last.ckpt")["loops"]["fit_loop"]
    assert loops["epoch_progress"]["current"]["completed"] == epochs
    assert loops["epoch_loop.batch_progress"]["current"]["completed"] == batches
    assert ("resume=true goes on" in capsys.readouterr().err) == (number == signal.SIGINT)
    count = Crash("on_train_batch_start", 0)
    fit(trainer_of(tmp_path, count), tmp_path)
    assert -count.left == (EPOCHS - epochs) * STEPS - batches  # nothing was trained again
    assert differing(left_by(tmp_path), undisturbed) == []


def test_several_processes_save_within_ten_steps_of_a_signal_to_one_and_go_on(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.schemes.signals_to_two_processes", str(tmp_path)],
        env=os.environ | {"CUDA_VISIBLE_DEVICES": "", "OMP_NUM_THREADS": "1"},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr
    whole = left_by(tmp_path / "undisturbed")
    for name in ("SIGTERM", "SIGUSR1"):
        loops = load_tensors(tmp_path / f"{name}.ckpt")["loops"]["fit_loop"]
        assert loops["epoch_progress"]["current"]["completed"] == 3
        assert loops["epoch_loop.batch_progress"]["current"]["completed"] == 2  # the first step of three
        assert differing(left_by(tmp_path / name), whole) == []


def test_a_limit_of_steps_within_an_epoch_keeps_the_place_for_more_of_them(
    undisturbed: dict[str, object], tmp_path: Path
) -> None:
    for steps in (4, 6, -1):
        fit(trainer_of(tmp_path, max_steps=steps), tmp_path)
        assert load_tensors(tmp_path / "last.ckpt")["global_step"] == (steps if steps > 0 else EPOCHS * STEPS)
    found = left_by(tmp_path)
    # The best epoch may be one that a limit cut short, and a log has what was validated there.
    logged = {name for name in found if name.startswith(("best", "logs"))}
    assert set(differing(found, undisturbed)) <= logged


def test_a_training_goes_on_with_as_many_clips_in_a_step_and_no_fewer_epochs(tmp_path: Path) -> None:
    fit(trainer_of(tmp_path, max_epochs=2), tmp_path)
    with pytest.raises(
        ValueError, match=r"last\.ckpt goes on with 4 clips in a step, as it began; here are 8"
    ):
        fit(trainer_of(tmp_path, accumulate_grad_batches=2), tmp_path)
    with pytest.raises(ValueError, match=r"trainer\.max_epochs=1, but 2 epochs are done already"):
        fit(trainer_of(tmp_path, max_epochs=1), tmp_path)


def test_a_run_whose_folder_was_moved_knows_its_best_epoch(
    undisturbed: dict[str, object], tmp_path: Path
) -> None:
    fit(trainer_of(tmp_path / "before", max_epochs=2), tmp_path / "before")
    moved = (tmp_path / "before").rename(tmp_path / "moved")
    trainer = trainer_of(moved)
    fit(trainer, moved)
    assert trainer.checkpoint_callback.best_model_path == str(moved / "best.ckpt")
    assert differing(left_by(moved), undisturbed) == []


@pytest.mark.parametrize("epochs", [1, 2])
def test_a_run_that_begins_from_a_file_of_another_needs_nothing_else_of_that_one(
    epochs: int, tmp_path: Path
) -> None:
    fit(trainer_of(tmp_path / "other", max_epochs=1), tmp_path / "other")
    file = (tmp_path / "other/last.ckpt").rename(tmp_path / "file.ckpt")
    shutil.rmtree(tmp_path / "other")
    trainer = trainer_of(tmp_path / "run", last={"every_steps": 1}, max_epochs=epochs)
    fit(trainer, tmp_path / "run", begin=file)
    best = tmp_path / "run/best.ckpt"
    assert trainer.checkpoint_callback.best_model_path == (str(best) if best.is_file() else "")
    assert best.is_file() == (epochs == 2)


@pytest.mark.parametrize("setting", [{"every_minutes": 0}, {"every_steps": -1}, {"every_minutes": "often"}])
def test_an_interval_that_is_none_is_refused(setting: dict[str, object], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must be a positive number, or null for none"):
        LastCheckpoint(tmp_path, **setting)


def test_a_training_ends_where_its_best_epoch_was_removed_and_leaves_nothing_to_go_on_from(
    tmp_path: Path,
) -> None:
    def remove() -> None:
        for path in tmp_path.glob("*.ckpt"):
            path.unlink()

    trainer = trainer_of(tmp_path, Crash("on_train_epoch_start", 2, remove))
    with pytest.raises(FileNotFoundError, match=r"best\.ckpt was removed while the training ran"):
        fit(trainer, tmp_path)
    assert list(tmp_path.glob("*.ckpt")) == []
