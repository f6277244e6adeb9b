"""``python -m dyninf.predict``: from files to rows, whatever is wrong with some of the files."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest
import torch
from tests.end_to_end.bad import assert_refused
from tests.end_to_end.commands import ENVIRONMENT, Finished
from tests.networks import thresholds_that_split

import dyninf
from dyninf import checkpoint_file
from dyninf.configuration import make
from dyninf.data.drawn_files import encode

Command = Callable[..., Finished]


def rows_of(file: Path) -> list[dict]:
    return [json.loads(line) for line in file.read_text().splitlines()]


@pytest.fixture(scope="session")
def split_videos(run_of: Callable[[str], Path]) -> list[Path]:
    """The videos of the test split of the tiny runs."""
    file = checkpoint_file.read(run_of("joint") / "checkpoints/best.ckpt")
    return [video.path for video in make(file.config.dataset).videos("test")]


@pytest.fixture
def folder(split_videos: list[Path], here: Path) -> Path:
    """Three good videos in `here`, one of them in a folder of its own, and three files that are none."""
    videos = here / "videos"
    (videos / "more").mkdir(parents=True)
    for name, source in zip(("a.mp4", "d.mp4", "more/e.mp4"), split_videos, strict=False):
        shutil.copy(source, videos / name)
    whole = split_videos[3].read_bytes()
    (videos / "b.mp4").write_bytes(whole[: len(whole) // 2])
    (videos / "c.mp4").write_bytes(b"")
    (videos / "text.mp4").write_text("This is not a film.\n" * 50)
    (videos / "notes.txt").write_text("no video, and not looked at")
    return videos


GOOD = ["videos/a.mp4", "videos/d.mp4", "videos/more/e.mp4"]
BAD = {
    "videos/b.mp4": "cannot be opened",
    "videos/c.mp4": "the file is empty (0 bytes)",
    "videos/text.mp4": "cannot be opened",
}


@pytest.fixture
def checkpoint(run_of: Callable[[str], Path]) -> str:
    return f"checkpoint={run_of('joint')}/checkpoints/best.ckpt"


def long_video(path: Path, frames: int = 40, height: int = 72, width: int = 81) -> None:
    """Frames at 16 a second; the encoder wants an even width."""
    ramp_T = np.linspace(0, 250, frames).astype(np.uint8)
    encode(np.broadcast_to(ramp_T[:, None, None, None], (frames, height, width - width % 2, 3)), path)


def test_every_file_is_a_row_and_bad_ones_do_not_end_it(
    folder: Path, here: Path, command: Command, checkpoint: str
) -> None:
    done = command("predict", "runtime=eager", checkpoint, "source=videos", "output=out.jsonl")
    assert done.code == 1
    assert done.err == ""
    rows = {row["path"]: row for row in rows_of(here / "out.jsonl")}
    assert list(rows) == sorted([*GOOD, *BAD])
    for path, reason in BAD.items():
        assert rows[path]["error"].startswith(f"{path}: {reason}")
        assert rows[path]["label"] is rows[path]["class"] is rows[path]["checkpoint"] is None
        assert rows[path]["frames_decoded"] == 0
    assert all(rows[path]["error"] is None for path in GOOD)
    assert done.out.startswith("6 videos, ")
    assert done.out.strip().endswith("3 with errors")
    assert sorted(path.name for path in here.iterdir()) == [
        "out.jsonl",
        "out.jsonl.facts.json",
        "videos",
    ]


@pytest.mark.parametrize(("scheme", "runtime"), [("depth", "eager"), ("input", "eager"), ("joint", "auto")])
def test_rows_are_what_infer_says_of_the_clips_that_evaluate_sees(
    scheme: str,
    runtime: str,
    command: Command,
    here: Path,
    run_of: Callable[[str], Path],
    split_videos: list[Path],
) -> None:
    run = run_of(scheme)
    file = checkpoint_file.read(run / "checkpoints/best.ckpt")
    data, network = make(file.config.dataset), file.network()
    clips = torch.stack([clip.video for clip in data.dataset("test")])
    with torch.no_grad():
        scores_VK = network(clips).softmax(-1).amax(-1)
    policy = dyninf.policies.MaxProbability(thresholds_that_split(scores_VK, gap=1e-5))
    done = command(
        "predict",
        f"checkpoint={file.path}",
        f"source={split_videos[0].parents[1]}",
        "output=out.jsonl",
        f"policy.threshold={policy.threshold}",
        f"runtime={runtime}",
    )
    result = dyninf.infer(network, clips, policy)
    assert len(set(result.checkpoint_B.tolist())) > 2  # there is something to tell apart
    rows = {row["path"]: row for row in rows_of(here / "out.jsonl")}
    assert len(rows) == len(clips) == 12
    for v, video in enumerate(data.videos("test")):
        row, left = rows[str(video.path)], network.checkpoints[result.checkpoint_B[v]]
        assert row["label"] == result.label_B[v]
        assert row["class"] == file.classes[row["label"]] == row["top5"][0][0]
        assert row["probability"] == pytest.approx(result.probability_B[v].item(), rel=1e-4)
        assert row["checkpoint"] == left.name
        assert row["gmacs"] == pytest.approx(result.macs_B[v].item() / 1e9)
        on_the_way = network.route.cells[: network.route.cells.index(left.cell) + 1]
        needed = len({group for group, _ in on_the_way}) * network.group_size
        # The next group may have been begun while the last cells ran.
        assert row["frames_decoded"] in (needed, needed + network.group_size)
    mean = sum(row["gmacs"] for row in rows.values()) / 12
    assert done.check().out.startswith(f"12 videos, {mean:.4g} GMACs on average, ")


def test_a_killed_run_goes_on_with_every_video_once(
    folder: Path, here: Path, command: Command, checkpoint: str
) -> None:
    for name in ("out.jsonl", "out.csv"):
        overrides = (checkpoint, "source=videos", f"output={name}")
        assert command("predict", "runtime=eager", *overrides).code == 1
        whole = (here / name).read_bytes()
        lines = whole.splitlines(keepends=True)
        for kept in (0, 10, len(lines[0]) + 5, len(whole) - len(lines[-1]), len(whole) - 1):
            (here / name).write_bytes(whole[:kept])
            assert command("predict", "runtime=eager", *overrides).code == 1
            again = (here / name).read_text().splitlines()
            assert len(again) == len(lines)
            if name == "out.csv":
                found = [row["path"] for row in csv.DictReader(again)]
            else:
                found = [json.loads(line)["path"] for line in again]
            assert found == sorted([*GOOD, *BAD])
        done = command("predict", "runtime=eager", *overrides)
        assert (done.code, (here / name).read_text().splitlines()) == (1, again)
        assert done.out.startswith("0 videos, 6 were there already, 3 with errors")
    other = command("predict", "runtime=eager", *overrides, "policy.threshold=0.2")
    assert other.code == 2
    assert "out.csv has rows with policy 'MaxProbability" in other.err
    assert len(other.err.splitlines()) == 1


def test_without_an_output_a_table_is_printed_and_the_folder_stays_as_it_was(
    folder: Path, here: Path, command: Command, checkpoint: str
) -> None:
    done = command("predict", "runtime=eager", checkpoint, "source=videos/a.mp4").check()
    header, row, total = done.out.splitlines()
    assert header.split() == "class probability checkpoint GMACs of full ms frames video".split()
    assert row.endswith("  videos/a.mp4")
    assert total.startswith("1 video, ")
    assert [path.name for path in here.iterdir()] == ["videos"]
    bad = command("predict", "runtime=eager", checkpoint, "source=videos/c.mp4")
    assert bad.code == 1
    assert "videos/c.mp4  error: the file is empty (0 bytes)" in bad.out


def test_a_run_whose_data_set_is_gone_still_predicts(
    here: Path, command: Command, checkpoint: str, folder: Path, tmp_path: Path
) -> None:
    gone = f"dataset.root={tmp_path / 'gone'}"
    command(
        "predict",
        "runtime=eager",
        checkpoint,
        "source=videos/a.mp4",
        gone,
        "output=o.csv",
        "policy.threshold=2",
    ).check()
    [row] = csv.DictReader((here / "o.csv").open(newline=""))
    assert float(row["share"]) == 1
    assert (row["frames_decoded"], row["error"]) == ("4", "")
    assert len(json.loads(row["top5"])) == 5


def test_paths_come_from_standard_input_and_ctrl_c_keeps_the_rows_so_far(
    folder: Path, here: Path, command: Command, checkpoint: str
) -> None:
    overrides = ["runtime=eager", checkpoint, "source=-", "output=out.jsonl"]
    lines = "videos/a.mp4\n\nvideos/nowhere.mp4\nvideos/a.mp4\nvideos/d.mp4\n"
    done = command("predict", *overrides, stdin=lines)
    assert done.code == 1, done.err
    rows = rows_of(here / "out.jsonl")
    assert [row["path"] for row in rows] == ["videos/a.mp4", "videos/nowhere.mp4", "videos/d.mp4"]
    assert rows[1]["error"] == "videos/nowhere.mp4: no such file"

    (here / "out.jsonl").unlink()
    process = subprocess.Popen(
        [sys.executable, "-m", "dyninf.predict", *overrides],
        cwd=here,
        env=os.environ | ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        # What a shell starts in the background ignores Ctrl-C, and so would all that the tests start then.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )
    assert process.stdin is not None
    process.stdin.write("videos/a.mp4\n")
    process.stdin.flush()
    end = time.monotonic() + 120
    while not ((here / "out.jsonl").exists() and (here / "out.jsonl").read_text().endswith("\n")):
        assert time.monotonic() < end
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 130
    assert process.stdout is not None
    assert process.stdout.read().strip().endswith("0 with errors; interrupted")
    assert [row["path"] for row in rows_of(here / "out.jsonl")] == ["videos/a.mp4"]


def test_windows_have_rows_of_their_own_and_one_for_the_video(
    here: Path, command: Command, checkpoint: str
) -> None:
    long_video(here / "long.mp4")
    overrides = (checkpoint, "source=long.mp4", "window=1", "overlap=0.25", "policy.threshold=0.09")
    command("predict", "runtime=eager", *overrides, "output=out.jsonl").check()
    *windows, whole = rows_of(here / "out.jsonl")
    assert [(row["window"], row["start"], row["end"]) for row in windows] == [
        (0, 0, 1),
        (1, 0.75, 1.75),
        (2, 1.5, 2.5),
    ]
    assert (whole["window"], whole["start"], whole["checkpoint"]) == (None, None, None)
    for key, digits in (("gmacs", 9), ("frames_decoded", 0), ("ms", 2)):
        assert whole[key] == pytest.approx(sum(row[key] for row in windows), abs=10**-digits)
    assert whole["share"] == pytest.approx(sum(row["share"] for row in windows) / 3, abs=1e-5)
    file = checkpoint_file.read(checkpoint.removeprefix("checkpoint="))
    data, network = make(file.config.dataset), file.network()
    reader = av.open(str(here / "long.mp4"))
    frames_THWC = np.stack([frame.to_ndarray(format="rgb24") for frame in reader.decode(video=0)])
    policy, mean_N = dyninf.policies.MaxProbability(0.09), 0
    for first, row in zip((0, 12, 24), windows, strict=True):
        [chosen] = data.sampling.test(16)
        video = data.test_transform(frames_THWC[[first + i for i in chosen]])
        result = dyninf.infer(network, video[None], policy)
        assert row["label"] == result.label_B.item()
        mean_N = mean_N + result.logits_BN[0].softmax(-1) / 3
    assert whole["label"] == int(torch.as_tensor(mean_N).argmax())
    assert whole["probability"] == pytest.approx(torch.as_tensor(mean_N).max().item(), rel=1e-4)

    # Torn inside the windows: they are made again, all of them.
    text = (here / "out.jsonl").read_bytes()
    (here / "out.jsonl").write_bytes(b"".join(text.splitlines(keepends=True)[:2]))
    command("predict", "runtime=eager", *overrides, "output=out.jsonl").check()
    again = rows_of(here / "out.jsonl")
    assert [row["window"] for row in again] == [0, 1, 2, None]


def test_a_stream_is_predicted_while_it_comes_and_ends_with_it(
    here: Path, command: Command, checkpoint: str
) -> None:
    long_video(here / "long.mp4")
    overrides = (checkpoint, "source=stream:long.mp4", "window=16f", "output=out.jsonl")
    done = command("predict", "runtime=eager", *overrides).check()
    assert [row["window"] for row in rows_of(here / "out.jsonl")] == [0, 1, 2, 3]
    assert done.out.startswith("4 windows, ")
    command("predict", "runtime=eager", *overrides).check()
    assert [row["window"] for row in rows_of(here / "out.jsonl")] == [0, 1, 2, 3] * 2


def test_annotated_copies_have_every_frame_and_lie_beside_no_source(
    folder: Path, here: Path, command: Command, checkpoint: str
) -> None:
    before = {path: path.read_bytes() for path in folder.rglob("*.mp4")}
    overrides = (checkpoint, "source=videos", "annotate=videos/seen", "policy.threshold=0.09")
    assert command("predict", "runtime=eager", *overrides, "output=out.jsonl").code == 1
    assert {path: path.read_bytes() for path in before} == before
    copies = sorted(path for path in (folder / "seen").rglob("*") if path.is_file())
    assert [str(path.relative_to(folder / "seen")) for path in copies] == ["a.mp4", "d.mp4", "more/e.mp4"]
    for copy in copies:
        with av.open(str(copy)) as new, av.open(str(folder / copy.relative_to(folder / "seen"))) as old:
            stream = new.streams.video[0]
            assert stream.codec_context.name == "h264"
            assert stream.average_rate == old.streams.video[0].average_rate
            frames = [frame.to_ndarray(format="rgb24") for frame in new.decode(video=0)]
            assert len(frames) == sum(1 for _ in old.decode(video=0))
            assert frames[0].shape[1] >= 320
            # White letters, and the part of the bar that was spent.
            band_HWC = frames[0][-60:].astype(int)
            assert (band_HWC.min(-1) > 220).sum() > 50
            assert ((band_HWC[..., 0] > 180) & (band_HWC[..., 2] < 120)).sum() > 50
    # Found again, the copies are no videos of the source.
    again = command("predict", "runtime=eager", *overrides, "output=out.jsonl")
    assert again.out.startswith("0 videos, 6 were there already")


def test_a_window_of_an_annotated_video_is_written_on_its_own_frames(
    here: Path, command: Command, checkpoint: str
) -> None:
    long_video(here / "long.mp4", height=50)
    command(
        "predict", "runtime=eager", checkpoint, "source=long.mp4", "window=20f", "overlap=0", "annotate=seen"
    ).check()
    with av.open(str(here / "seen/long.mp4")) as container:
        frames = [frame.to_ndarray(format="rgb24").astype(int) for frame in container.decode(video=0)]
    assert len(frames) == 40
    spent = [((frame[-30:, :, 0] > 180) & (frame[-30:, :, 2] < 120)).sum() for frame in frames]
    assert min(spent) > 0


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["source=nowhere"], "no file or folder nowhere"),
        (["source=.", "output=rows.txt"], "no video in"),
        (["source=FILE", "output=rows.txt"], "a file ending in .jsonl or .csv, or a folder; got rows.txt"),
        (["source=FILE", "runtime=fast"], "runtime 'fast' is unknown; choose auto or one of eager, compile"),
        (["source=FILE", "batch=0"], "batch must be a number of at least 1"),
        (["source=FILE", "window=long"], "window must be seconds, such as 2.5, or frames, such as 64f"),
        (["source=FILE", "window=2f"], "has 2 frames, fewer than the 4 asked for"),
        (["source=FILE", "window=1", "overlap=1"], "overlap must be a share from 0 to below 1"),
        (["source=FILE", "annotate=FOLDER"], "is the folder of the videos themselves"),
        (["source=FILE", "policy=entropy"], "Entropy has no threshold yet"),
        (["source=FILE", "policy=oracle"], "Oracle needs the true classes"),
        (["source=FILE", "policy_file=nowhere.json"], "no policy file at nowhere.json"),
        (["source=camera:7000"], "camera:7000: there is no camera /dev/video7000"),
        (["source=camera:front"], "a camera is named by its number"),
        (["source=camera:0", "annotate=seen"], "annotate needs videos that can be read a second time"),
        (["source=FILE", "dataset.num_frames=16"], "takes 4 frames a clip, dataset.num_frames is 16"),
        (["source=FILE", "dataset.num_frames=2"], "takes 4 frames a clip, dataset.num_frames is 2"),
        (["source=FILE", "dataset=synthetic"], "takes 4 frames a clip, dataset.num_frames is 8"),
        ([], "source is needed"),
    ],
)
def test_what_is_wrong_with_the_command_is_one_line(
    overrides: list[str], said: str, here: Path, command: Command, checkpoint: str, split_videos: list[Path]
) -> None:
    there = {"FILE": str(split_videos[0]), "FOLDER": str(split_videos[0].parent)}
    filled = []
    for override in overrides:
        key, _, value = override.partition("=")
        filled.append(f"{key}={there.get(value, value)}")
    assert_refused(command("predict", "runtime=eager", checkpoint, *filled), "predict", here, said)


def test_a_checkpoint_alone_needs_a_threshold_and_other_files_are_not_written_over(
    here: Path, command: Command, checkpoint: str, split_videos: list[Path], tmp_path: Path
) -> None:
    moved = shutil.copy(checkpoint.removeprefix("checkpoint="), tmp_path / "moved.ckpt")
    source = f"source={split_videos[0]}"
    assert_refused(
        command("predict", "runtime=eager", f"checkpoint={moved}", source),
        "predict",
        here,
        "no thresholds",
        "policy.threshold",
    )
    command("predict", "runtime=eager", f"checkpoint={moved}", source, "policy.threshold=0.5").check()
    for name in ("mine.csv", "mine.jsonl"):
        for content in ("a,b\n1,2\n", '{"a": 1}\n', "one line"):
            (tmp_path / name).write_text(content)
            done = command("predict", "runtime=eager", checkpoint, source, f"output={tmp_path / name}")
            assert_refused(done, "predict", here, name, "not written by dyninf.predict")
            assert (tmp_path / name).read_text() == content
