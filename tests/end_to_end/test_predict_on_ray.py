"""``python -m dyninf.predict engine=ray``: what one process says, from workers that are killed on the way."""

import os
import shutil
import signal
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pytest
import torch
from tests.end_to_end import commands
from tests.end_to_end.bad import assert_refused
from tests.end_to_end.commands import Finished
from tests.end_to_end.test_predict import split_videos  # noqa: F401  a fixture
from tests.networks import require_package, thresholds_that_split

from dyninf import checkpoint_file, predict
from dyninf.configuration import make
from dyninf.predicting import Source
from dyninf.report import Prediction, ShardRows

Command = Callable[..., Finished]
MARK = "DYNINF_TEST_OF_RAY"
BAD = {"empty.mp4": b"", "text.mp4": b"This is not a film.\n" * 50}


@pytest.fixture
def checkpoint(run_of: Callable[[str], Path]) -> str:
    return f"checkpoint={run_of('joint')}/checkpoints/best.ckpt"


@pytest.fixture
def listed(split_videos: list[Path], here: Path) -> list[str]:  # noqa: F811
    """The lines of list.txt in `here`: nine videos, and three that are none; each shard of four has one."""
    good = [f"{number}.mp4" for number in range(7)] + ["once.mp4", "always.mp4"]
    for name, source in zip(good, split_videos, strict=False):
        shutil.copy(source, here / name)
    for name, content in BAD.items():
        (here / name).write_bytes(content)
    names = [*good[:3], "empty.mp4", *good[3:6], "text.mp4", "nowhere.mp4", *good[6:]]
    (here / "list.txt").write_text("\n".join([names[0], "", *names]) + "\n")
    return names


def killing(source: Source) -> Source:
    """The source, whose once.mp4 kills the first process that comes to it, and always.mp4 each."""

    class Killing(Source):  # here, so that workers are sent it whole
        def clips_of(self, videos: Iterable[Path], permutation: object) -> Iterator[object]:
            for path in videos:
                if path.name == "always.mp4" or (path.name == "once.mp4" and not os.path.exists("came")):
                    Path("came").touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                yield from super().clips_of([path], permutation)

    made = Killing.__new__(Killing)
    vars(made).update(vars(source))
    return made


def predict_with_kills(overrides: tuple[str, ...], cwd: Path, logs: Path) -> None:
    """The command in this process, with such a source."""
    predict.Source = lambda *args: killing(Source(*args))
    commands._run("predict", overrides, cwd, logs, {MARK: str(cwd)})


class Losing(ShardRows):
    """Of which somebody removes the first file as soon as it is there."""

    def write(self, row: Prediction) -> None:
        super().write(row)
        (self.shards.folder / "part-00000.parquet").unlink(missing_ok=True)


def predict_and_lose(overrides: tuple[str, ...], cwd: Path, logs: Path) -> None:
    """The command in this process, with such rows."""
    rows_of = predict.rows_of
    predict.rows_of = lambda *args: Losing(rows_of(*args).shards)
    commands._run("predict", overrides, cwd, logs, {})


def table(folder: Path) -> list[dict[str, object]]:
    """The rows of a folder of Parquet files, as anybody reads it, but for what another batch may change.

    These are times, frames that were begun and not needed, and the last digits of probabilities.
    """
    from pyarrow import dataset

    rows = dataset.dataset(folder).to_table().drop_columns(["ms", "frames_decoded"]).to_pylist()
    for row in rows:
        row["probability"] = None if row["probability"] is None else round(row["probability"], 5)
        row["top5"] = [likely["class"] for likely in row["top5"]]
    return rows


def processes_of(here: Path) -> list[str]:
    """What runs with the mark of `predict_with_kills` in its environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={here}\0".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except OSError:  # it has just ended
            continue
    return found


def test_workers_of_ray_say_what_one_process_says_whichever_are_killed(
    listed: list[str], here: Path, command: Command, checkpoint: str, tmp_path: Path
) -> None:
    require_package("ray")
    file = checkpoint_file.read(checkpoint.removeprefix("checkpoint="))
    clips = torch.stack([clip.video for clip in make(file.config.dataset).dataset("test")])
    with torch.no_grad():
        scores_VK = file.network()(clips).softmax(-1).amax(-1)
    split = f"policy.threshold={thresholds_that_split(scores_VK, gap=1e-5)}"
    overrides = (checkpoint, "source=list.txt", "shard=4", split, "runtime=eager", "batch=2")
    alone = command("predict", *overrides, "output=alone")
    assert (alone.code, alone.out.split(", ")[0]) == (1, "12 videos")
    expected = table(here / "alone")
    assert [row["path"] for row in expected] == listed
    assert [row["path"] for row in expected if row["error"]] == ["empty.mp4", "text.mp4", "nowhere.mp4"]
    assert len({row["checkpoint"] for row in expected}) > 2

    on_ray = (*overrides, "output=shards", "engine=ray", "engine.workers=2", "engine.retries=0")
    process = commands._server.Process(target=predict_with_kills, args=(on_ray, here, tmp_path / "logs"))
    process.start()
    process.join(200)
    out, err = ((tmp_path / "logs" / name).read_text() for name in ("out", "err"))
    assert process.exitcode == 1, err
    assert err.splitlines() == [
        "a worker was killed or crashed; its 4 videos are tried one by one",
        "a worker was killed or crashed; always.mp4 is given up",
    ]
    assert out.startswith("12 videos, ")
    assert out.strip().endswith("4 with errors")
    assert processes_of(here) == []
    found = table(here / "shards")
    assert found[:-1] == expected[:-1]
    lost = "always.mp4: the worker that had it alone was killed or crashed, once"
    values = Prediction("always.mp4", error=lost).values()
    assert found[-1] == {name: values[name] for name in found[-1]}

    # What is there stays, and who goes on may be another engine.
    names = [f"part-{number:05d}.parquet" for number in range(3)]
    assert sorted(path.name for path in (here / "shards").iterdir()) == ["_SHA256SUMS", "_plan.json", *names]
    there = command("predict", *overrides, "output=shards", "engine=ray")
    assert there.out == "0 videos, 12 were there already, 4 with errors\n"
    (here / "shards" / names[-1]).unlink()
    again = command("predict", *overrides, "output=shards")
    assert (again.code, again.out.split(", ")[0]) == (1, "4 videos")
    assert table(here / "shards") == expected


def test_a_command_whose_files_are_removed_meanwhile_does_not_end_as_if_all_were_there(
    listed: list[str], here: Path, command: Command, checkpoint: str, tmp_path: Path
) -> None:
    require_package("pyarrow")
    split = ("policy.threshold=0.5", "runtime=eager")
    overrides = (checkpoint, "source=list.txt", "shard=4", "output=out", *split)
    logs = tmp_path / "logs"
    logs.mkdir()
    (logs / "in").touch()
    process = commands._server.Process(target=predict_and_lose, args=(overrides, here, logs))
    process.start()
    process.join(200)
    assert process.exitcode == 2
    [line] = (logs / "err").read_text().splitlines()
    assert line.endswith("out/part-00000.parquet was removed meanwhile; run the same command again")
    again = command("predict", *overrides)
    assert (again.code, again.out.split(", ")[0]) == (1, "4 videos")
    assert [row["path"] for row in table(here / "out")] == listed


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ([], "engine=ray writes a folder of Parquet files: give output=FOLDER; output is missing"),
        (["output=rows.jsonl"], "give output=FOLDER; not rows.jsonl"),
        (["output=rows", "annotate=seen"], "engine=ray writes no annotated copies"),
        (
            ["output=rows", "source=camera:0"],
            "give source a folder, or a list that ends in .txt, not camera:0",
        ),
        (["output=rows", "source=-"], "a list that ends in .txt, not -"),
        (["output=rows", "engine.workers=0"], "engine.workers must be a whole number of at least 1, got 0"),
        (["output=rows", "engine.gpus=-1"], "engine.gpus must be a number of at least 0, got -1"),
        (["output=rows", "engine=slurm"], "engine/slurm"),
        (["output=rows", "runtime=fast"], "runtime 'fast' is unknown"),
    ],
)
def test_what_ray_cannot_do_is_one_line(
    overrides: list[str],
    said: str,
    here: Path,
    command: Command,
    checkpoint: str,
    split_videos: list[Path],  # noqa: F811
) -> None:
    require_package("ray")
    given = [checkpoint, f"source={split_videos[0]}", "engine=ray", "policy.threshold=0.5", *overrides]
    assert_refused(command("predict", *given), "predict", here, said)
