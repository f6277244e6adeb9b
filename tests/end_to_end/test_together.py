"""A training or an evaluation in several processes: what they give, and how they end."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
import torch
from tests.end_to_end.bad import assert_refused
from tests.end_to_end.commands import ENVIRONMENT, Begun, Finished, begun_together, forked
from tests.end_to_end.test_video_folder import SETTINGS, picture

from dyninf.data.drawn_files import encode
from dyninf.trace import Trace

SPLITS = {"train": 20, "calibration": 13, "test": 101}
STEPS = 20  # of 4 clips, in 4 epochs
MOST_SECONDS = 60  # from the loss of a process to the end of the others
CALLBACKS = "tests.end_to_end.step_losses"
COMPARED = [
    *("trainer.max_epochs=4", "optimizer.lr=0.001", f"+callbacks.frozen._target_={CALLBACKS}.FrozenNorms"),
    *(f"+callbacks.losses._target_={CALLBACKS}.StepLosses", "+callbacks.losses.folder=${paths.output_dir}"),
]
TOGETHER = ["trainer=ddp_cpu", "report=false"]


@pytest.fixture(scope="module")
def videos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Splits that two processes cannot halve. Read only."""
    root = tmp_path_factory.mktemp("together") / "videos"
    for split, number in SPLITS.items():
        for name in ("brighter", "darker"):
            (root / split / name).mkdir(parents=True)
        for i in range(number):
            name, slope = (("brighter", 180), ("darker", -30))[i % 2]
            file, first = root / split / name / f"{i:03d}.mp4", root / split / name / f"{i % 8:03d}.mp4"
            if file == first:
                encode(picture(slope - i), file)
            else:
                file.hardlink_to(first)
    return root


@pytest.fixture(scope="module")
def alone(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a training in one process. Read only."""
    folder = tmp_path_factory.mktemp("alone")
    words = [*SETTINGS, *COMPARED, f"dataset.root={videos}", "dataset.batch_size=4", "output=run"]
    forked("train", *words, cwd=folder, logs=folder / "logs").check()
    return folder / "run"


@pytest.fixture(scope="module")
def together(videos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the same training in two processes of torchrun, which has no name. Read only."""
    folder = tmp_path_factory.mktemp("torchrun")
    words = [word for word in settings(videos, *COMPARED) if not word.startswith("output=")]
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    root = Path(__file__).parents[2]
    path = os.pathsep.join([*filter(None, [os.environ.get("PYTHONPATH")]), str(root)])
    done = subprocess.run(
        [*torchrun, "-m", "dyninf.train", *words],
        cwd=folder,
        env=os.environ | ENVIRONMENT | {"PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    [config] = folder.glob("outputs/*/*/config.yaml")
    return config.parent


def losses_of(run: Path, processes: int) -> list[float]:
    """Of each step: the mean of what the processes say."""
    lines = [(run / f"losses-{rank}.jsonl").read_text().split() for rank in range(processes)]
    return [sum(map(json.loads, step)) / processes for step in zip(*lines, strict=True)]


def weights_of(run: Path) -> dict[str, torch.Tensor]:
    state = torch.load(run / "checkpoints/last.ckpt", weights_only=True)["state_dict"]
    return {name: value for name, value in state.items() if value.is_floating_point()}


def settings(videos: Path, *more: str) -> list[str]:
    return [*TOGETHER, *SETTINGS, f"dataset.root={videos}", "output=run", *more]


def evaluating(*words: str, cwd: Path, logs: Path) -> list[Finished]:
    """What the two processes of an evaluation leave behind, started as torchrun would."""
    ranks = [{"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": "2"} for rank in ("0", "1")]
    begun = [Begun("evaluate", *words, cwd=cwd, logs=logs / rank["RANK"], **rank) for rank in ranks]
    return [one.wait() for one in begun]


def wait_for(file: Path, begun: Sequence[Begun]) -> None:
    deadline = time.monotonic() + 120
    while not file.exists():
        assert all(one.process.is_alive() for one in begun), [one.wait().err for one in begun]
        assert time.monotonic() < deadline
        time.sleep(0.02)


def complaints(*done: Finished) -> list[str]:
    """Lines of the processes that say what went wrong; none may have a traceback."""
    lines = [line for one in done for line in one.err.splitlines()]
    assert not any("Traceback" in line for line in lines), lines
    return [line for line in lines if line.startswith("dyninf.train: ")]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def test_two_processes_train_as_one_does_with_batches_twice_as_large(alone: Path, together: Path) -> None:
    one, two = losses_of(alone, 1), losses_of(together, 2)
    assert len(one) == STEPS
    assert two == pytest.approx(one, rel=1e-5)
    rows = [list(csv.DictReader((run / "metrics.csv").open())) for run in (alone, together)]
    assert [len(found) for found in rows] == [4, 4]
    for mine, theirs in zip(*rows, strict=True):
        assert mine.keys() == theirs.keys() >= {"train/loss", "train/top1", "val/loss", "val/top1"}
        for column in mine:
            assert float(theirs[column]) == pytest.approx(float(mine[column]), rel=1e-5), column
    mine, theirs = weights_of(alone), weights_of(together)
    assert mine.keys() == theirs.keys()
    for name, value in mine.items():
        assert (value - theirs[name]).abs().max() <= 1e-5 * value.abs().max(), name


def test_a_test_split_that_processes_cannot_halve_has_a_row_for_each_video(
    alone: Path, together: Path
) -> None:
    one, two = (Trace.load(run / "trace/test") for run in (alone, together))
    assert len(set(two.video_ids)) == len(two.video_ids) == SPLITS["test"]
    assert two.video_ids == one.video_ids
    assert torch.equal(two.label_V, one.label_V)
    assert torch.allclose(two.logits_VKN, one.logits_VKN, rtol=1e-4, atol=1e-5)


def test_a_process_that_is_killed_ends_the_training_with_one_line(videos: Path, here: Path) -> None:
    begun = Begun("train", *settings(videos, "trainer.max_epochs=1000"), cwd=here, logs=here / "logs")
    wait_for(here / "run/checkpoints/last.ckpt", [begun])
    [other] = map(int, Path(f"/proc/{begun.pid}/task/{begun.pid}/children").read_text().split())
    os.kill(other, signal.SIGKILL)
    killed = time.monotonic()
    done = begun.wait()
    assert time.monotonic() - killed < MOST_SECONDS
    assert done.code == 2
    [line] = complaints(done)
    assert f"error: process 1 of 2 (pid {other}, host " in line
    assert "SIGKILL) is gone" in line
    last = here / "run/checkpoints/last.ckpt"
    assert line.endswith(f"the last checkpoint is {last}; go on with output={here}/run resume=true")
    assert not is_alive(other)


def test_when_the_first_process_is_killed_another_one_says_so_and_they_go_on_to_the_same(
    videos: Path, together: Path, here: Path
) -> None:
    words = settings(videos, *COMPARED)
    first, second = begun_together("train", *words, cwd=here, logs=here / "logs")
    wait_for(here / "run/checkpoints/last.ckpt", [first, second])
    os.kill(first.pid, signal.SIGKILL)
    killed = time.monotonic()
    assert first.wait().code == -signal.SIGKILL
    done = second.wait()
    assert time.monotonic() - killed < MOST_SECONDS
    assert done.code == 2
    [line] = complaints(done)
    assert f"error: process 0 of 2 (pid {first.pid}, host " in line
    assert "go on with" in line
    for one in begun_together("train", *words, "resume=true", cwd=here, logs=here / "logs"):
        one.wait().check()
    mine, theirs = weights_of(here / "run"), weights_of(together)
    assert all(value.equal(theirs[name]) for name, value in mine.items())
    assert (here / "run/metrics.csv").read_text() == (together / "metrics.csv").read_text()


def test_an_error_in_one_process_is_the_one_line_of_all(videos: Path, here: Path) -> None:
    spoilt = shutil.copytree(videos, here / "videos")
    bad = spoilt / "train/darker/005.mp4"
    bad.unlink()
    bad.write_bytes(b"no video")
    begun = begun_together("train", *settings(spoilt), cwd=here, logs=here / "logs")
    done = [one.wait() for one in begun]
    assert [one.code for one in done] == [2, 2]
    [line] = complaints(*done)
    assert str(bad) in line


def test_processes_that_were_started_one_by_one_are_asked_for_a_folder(videos: Path, here: Path) -> None:
    words = [word for word in settings(videos) if not word.startswith("output=")]
    begun = begun_together("train", *words, cwd=here, logs=here / "logs")
    for one in begun:
        done = one.wait()
        assert done.code == 2
        [line] = complaints(done)
        assert line.endswith("processes that were started one by one need the same folder: output=DIR")


def test_an_evaluation_in_two_processes_is_that_of_one(alone: Path, here: Path) -> None:
    shutil.copy(alone / "checkpoints/best.ckpt", here / "moved.ckpt")  # away from the traces of its run
    words = ["checkpoint=moved.ckpt", "policy.threshold=0.5", "trace_shard=8"]
    forked("evaluate", *words, "output=one", cwd=here, logs=here / "logs").check()
    for done in evaluating(*words, "output=two", cwd=here, logs=here / "logs"):
        done.check()
    one, two = (
        {path.name: path.read_bytes() for path in (here / run / "trace/test").iterdir()}
        for run in ("one", "two")
    )
    assert two == one
    assert len(Trace.load(here / "two/trace/test").video_ids) == SPLITS["test"]
    assert (here / "two/summary.json").read_bytes() == (here / "one/summary.json").read_bytes()


def test_an_evaluation_in_two_processes_is_asked_for_a_folder(
    alone: Path, here: Path, tmp_path: Path
) -> None:
    words = [f"checkpoint={alone}/checkpoints/best.ckpt", "policy.threshold=0.5"]
    for done in evaluating(*words, cwd=here, logs=tmp_path / "logs"):
        assert_refused(done, "evaluate", here, "several processes need the same folder: output=DIR")
