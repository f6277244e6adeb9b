"""``dataset=video_folder``: your own videos, and what is said about those that cannot be used."""

import shutil
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from tests.end_to_end.bad import assert_refused
from tests.end_to_end.commands import Finished, forked
from tests.files import held_in
from tests.made_once import MadeOnce

from dyninf.data.drawn_files import encode

Command = Callable[..., Finished]

SETTINGS = [
    "dataset=video_folder",
    "dataset.num_frames=4",
    "dataset.resize=40",
    "dataset.crop=32",
    "dataset.batch_size=2",
    "dataset.num_workers=0",
    "scheme=input",
    "trainer.max_epochs=1",
    "trainer.log_every_n_steps=1",
    "trainer.enable_progress_bar=false",
    "callbacks=quiet",
]


def picture(brightness: float, frames: int = 8) -> np.ndarray:
    """Frames THWC that get brighter or darker."""
    ramp_T = np.linspace(40, 40 + brightness, frames).astype(np.uint8)
    return np.broadcast_to(ramp_T[:, None, None, None], (frames, 48, 64, 3))


@pytest.fixture(scope="module")
def good_videos(made_once: MadeOnce) -> Path:
    """Two classes, two videos of each in every split. Read only."""

    def make(root: Path) -> None:
        for split in ("train", "calibration", "test"):
            for name, brightness in (("brighter", 180), ("darker", -30)):
                (root / split / name).mkdir(parents=True)
                for number in range(2):
                    encode(picture(brightness + number), root / split / name / f"{number}.mp4")

    return made_once("good_videos", make)


@pytest.fixture
def videos(good_videos: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return shutil.copytree(good_videos, tmp_path / "videos")


@pytest.fixture(scope="module")
def trained(good_videos: Path, made_once: MadeOnce) -> Path:
    """The folder of a training on the good videos. Read only."""

    def train(folder: Path) -> None:
        overrides = (*SETTINGS, f"dataset.root={good_videos}", "output=run")
        forked("train", *overrides, cwd=folder, logs=folder / "logs").check()

    return made_once("trained-on-videos", train) / "run"


def sound_only(path: Path) -> None:
    """An mp4 file with half a second of AAC and no picture."""
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=16000, layout="mono")
        for start in range(0, 8000, 1000):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1000), np.float32), format="fltp", layout="mono")
            frame.sample_rate, frame.pts, frame.time_base = 16000, start, Fraction(1, 16000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def half_of_a_video(path: Path) -> None:
    encode(picture(100), path)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


BAD_VIDEOS: dict[str, tuple[Callable[[Path], object], str]] = {
    "empty": (lambda path: path.write_bytes(b""), "empty"),
    "truncated": (half_of_a_video, "truncated"),
    "audio-only": (sound_only, "no video stream"),
    "short": (lambda path: encode(picture(100, frames=3), path), "has 3 frames, fewer than the 4"),
    "text": (lambda path: path.write_text("This is not a film.\n"), "not a video"),
}


def test_training_and_evaluating_on_your_own_videos(command: Command, here: Path, trained: Path) -> None:
    summary = held_in(trained / "summary.json")
    assert summary["videos"] == summary["replay_agrees"] == 4
    command("evaluate", f"checkpoint={trained}/checkpoints/best.ckpt", "output=again").check()
    assert held_in(here / "again/summary.json") == summary
    assert (trained / "trace/test/videos.csv").read_text().splitlines()[1:] == [
        "test/brighter/0.mp4,0",
        "test/brighter/1.mp4,0",
        "test/darker/0.mp4,1",
        "test/darker/1.mp4,1",
    ]


@pytest.mark.parametrize("kind", BAD_VIDEOS)
def test_a_bad_training_video_is_named_in_one_line(
    kind: str, command: Command, here: Path, videos: Path
) -> None:
    make, reason = BAD_VIDEOS[kind]
    bad = videos / "train/darker/bad.mp4"
    make(bad)
    assert_refused(command("train", *SETTINGS, f"dataset.root={videos}"), "train", here, str(bad), reason)


@pytest.mark.parametrize("kind", BAD_VIDEOS)
def test_a_bad_test_video_is_named_in_one_line_by_evaluate(
    kind: str, command: Command, here: Path, videos: Path, trained: Path
) -> None:
    make, reason = BAD_VIDEOS[kind]
    bad = videos / "test/brighter/bad.mp4"
    make(bad)
    done = command("evaluate", f"checkpoint={trained}/checkpoints/best.ckpt", f"dataset.root={videos}")
    assert_refused(done, "evaluate", here, str(bad), reason)


def test_a_bad_video_is_named_in_one_line_when_a_worker_process_meets_it(
    command: Command, here: Path, videos: Path
) -> None:
    bad = videos / "train/darker/bad.mp4"
    half_of_a_video(bad)
    done = command("train", *SETTINGS, f"dataset.root={videos}", "dataset.num_workers=1")
    assert_refused(done, "train", here, str(bad), "truncated")


@pytest.mark.parametrize("split", ["train", "test"])
def test_a_missing_split_is_told_before_the_training(
    split: str, command: Command, here: Path, videos: Path
) -> None:
    shutil.rmtree(videos / split)
    done = command("train", *SETTINGS, f"dataset.root={videos}")
    assert_refused(done, "train", here, f"no folder {videos / split}", "needed are", "train_list")


def test_without_calibration_videos_some_are_held_out_of_training(
    command: Command, here: Path, videos: Path
) -> None:
    shutil.rmtree(videos / "calibration")
    command("train", *SETTINGS, f"dataset.root={videos}", "output=run").check()
    held = (here / "run/trace/calibration/videos.csv").read_text().splitlines()[1:]
    assert sorted(line.split("/")[:2] for line in held) == [["train", "brighter"], ["train", "darker"]]


def test_a_class_that_train_lacks_is_named(command: Command, here: Path, videos: Path) -> None:
    (videos / "test/sideways").mkdir()
    done = command("train", *SETTINGS, f"dataset.root={videos}")
    assert_refused(done, "train", here, str(videos / "test"), "train lacks", "sideways")


def test_a_split_without_videos_is_named_with_the_endings_that_are_looked_for(
    command: Command, here: Path, videos: Path
) -> None:
    for video in (videos / "calibration").rglob("*.mp4"):
        video.rename(video.with_suffix(".webp"))
    done = command("train", *SETTINGS, f"dataset.root={videos}")
    assert_refused(done, "train", here, f"no video in {videos / 'calibration'}", ".mp4")


@pytest.mark.parametrize("classes", [[], ["alone"]])
def test_fewer_than_two_classes_are_refused(
    classes: list[str], command: Command, here: Path, tmp_path: Path
) -> None:
    for folder in ("train", *(f"train/{name}" for name in classes)):
        (tmp_path / "few" / folder).mkdir(parents=True)
    done = command("train", *SETTINGS, f"dataset.root={tmp_path}/few")
    assert_refused(done, "train", here, f"{tmp_path}/few has {len(classes)} classes", "2 or more are needed")


def test_the_folder_has_to_be_given(command: Command, here: Path) -> None:
    assert_refused(command("train", *SETTINGS), "train", here, "dataset.root is needed")


def test_a_checkpoint_is_not_evaluated_on_a_data_set_with_other_classes(
    command: Command, here: Path, videos: Path, run_of: Callable[[str], Path]
) -> None:
    checkpoint = run_of("input") / "checkpoints/best.ckpt"
    done = command("evaluate", f"checkpoint={checkpoint}", *SETTINGS[:2], f"dataset.root={videos}")
    assert_refused(done, "evaluate", here, str(checkpoint), "12 classes", "2")


def test_a_bad_video_takes_no_finished_shard_with_it_and_the_same_command_goes_on(
    videos: Path, here: Path, command: Command
) -> None:
    command("train", *SETTINGS, f"dataset.root={videos}", "policy.threshold=0.5", "output=run").check()
    (here / "run/checkpoints/best.ckpt").rename(here / "moved.ckpt")  # away from the traces of its run
    words = ["checkpoint=moved.ckpt", "policy.threshold=0.5", "trace_shard=2"]
    command("evaluate", *words, "output=whole").check()
    last = videos / "test/darker/1.mp4"
    content = last.read_bytes()
    last.write_bytes(bytes(len(content)))
    kept = []
    for _ in range(2):
        done = command("evaluate", *words, "output=new")
        assert done.code == 2
        assert str(last) in done.err
        [shard] = (here / "new/trace").glob(".test.recording-*/*.pt")
        kept.append((shard.name, shard.stat().st_ino, shard.stat().st_mtime_ns))
    assert kept[0] == kept[1]  # it was not recorded again
    last.write_bytes(content)
    command("evaluate", *words, "output=new").check()
    whole, new = (
        {path.name: path.read_bytes() for path in (here / run / "trace/test").iterdir()}
        for run in ("whole", "new")
    )
    assert new == whole
    assert held_in(here / "new/summary.json") == held_in(here / "whole/summary.json")
