"""The embedded data set keeps its promises."""

import csv
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from dyninf.data import Synthetic, drawn_files, probe, read_frames
from dyninf.data.synthetic_recipe import ACTS, CLASS_NAMES, HUE_BINS, SPLITS, recipe
from dyninf.data.synthetic_render import render
from dyninf.data.synthetic_shapes import shape_distance

LABELS = range(len(CLASS_NAMES))
BRIGHTNESS = """
    87.64 85.85 78.87 81.20   133.60 122.22 131.54 135.14   81.94 91.90 83.10 84.33   98.78 91.15 88.83 98.24
    80.95 89.68 96.28 96.74   76.09 83.56 82.91 88.40   86.04 71.83 83.53 88.00   81.67 85.27 82.04 98.71
    114.51 121.66 119.26 122.57   112.90 122.65 114.33 118.33   85.78 88.74 89.12 82.90
    87.83 90.72 86.06 81.67
"""
"""Of the quarters of frame 9 of each class's second training clip, as version 1 draws it."""


def manifest(module: Synthetic) -> list[dict[str, str]]:
    module.prepare_data()
    with (module.folder / "manifest.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_half_of_the_classes_are_temporal_and_come_in_pairs():
    assert len(CLASS_NAMES) == 12
    assert len(Synthetic.temporal_classes) == 6
    assert [tuple(CLASS_NAMES[label] for label in pair) for pair in Synthetic.pairs] == list(ACTS)


def test_the_folder_has_every_clip_of_the_manifest_and_nothing_else(synthetic):
    rows = manifest(synthetic)
    files = {
        str(file.relative_to(synthetic.folder)) for file in synthetic.folder.rglob("*") if file.is_file()
    }
    assert files == {row["path"] for row in rows} | {"manifest.csv", "classes.txt"}
    assert (synthetic.folder / "classes.txt").read_text().split() == list(CLASS_NAMES)
    assert Counter((row["split"], row["class"]) for row in rows) == {
        (split, name): count for split, count in zip(SPLITS, (2, 1, 1), strict=True) for name in CLASS_NAMES
    }
    assert all(CLASS_NAMES[int(row["label"])] == row["class"] for row in rows)
    info = probe(synthetic.folder / rows[0]["path"])
    assert (info.frames, info.width, info.height, info.fps, info.codec) == (32, 80, 72, 16.0, "h264")


def test_what_is_encoded_is_what_is_drawn(synthetic):
    clip = synthetic.dataset("test").videos[3]
    drawn_THWC = render(recipe(0, "test", clip.label, 0)).astype(int)
    read_THWC = read_frames(clip.path, range(32)).astype(int)
    assert np.abs(drawn_THWC - read_THWC).mean() < 12
    assert np.abs(drawn_THWC[::-1] - read_THWC).mean() > np.abs(drawn_THWC - read_THWC).mean()


@pytest.mark.parametrize("label", LABELS)
def test_a_clip_is_drawn_the_same_bit_for_bit(label):
    first, second = (render(recipe(7, "train", label, 3)) for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, render(recipe(7, "train", label, 4)))
    assert not np.array_equal(first, render(recipe(8, "train", label, 3)))


@pytest.mark.parametrize("pair", Synthetic.pairs)
def test_a_pair_shows_the_same_frames_in_reverse_order(pair):
    for index in range(4):
        one, other = (recipe(0, "train", label, index) for label in pair)
        assert (one.backwards, other.backwards) == (False, True)
        forwards_THWC, backwards_THWC = render(one), render(other)
        assert np.array_equal(forwards_THWC, backwards_THWC[::-1])
        assert Counter(map(bytes, forwards_THWC)) == Counter(map(bytes, backwards_THWC))
        assert not np.array_equal(forwards_THWC, backwards_THWC)


def test_splits_share_no_seed_background_or_hue():
    clips = [recipe(0, split, label, i) for split in SPLITS for label in LABELS for i in range(40)]
    keys = {split: {c.drawing_seed.spawn_key for c in clips if c.split == split} for split in SPLITS}
    for one, other in ((0, 1), (0, 2), (1, 2)):
        assert not keys[SPLITS[one]] & keys[SPLITS[other]]
    for clip in clips:
        for hue in (clip.background_hue, clip.object_hue):
            assert int(hue * HUE_BINS) % 3 == SPLITS.index(clip.split)
    first_frames = {render(c)[0].tobytes() for c in clips if c.index == 0 and not c.backwards}
    assert len(first_frames) == 3 * 9


def test_half_of_the_clips_are_easy_and_the_rest_gradually_harder():
    clips = [recipe(0, "train", label, i) for label in LABELS for i in range(150)]
    difficulty = np.array([clip.difficulty for clip in clips])
    assert 0.45 < (difficulty < 0.25).mean() < 0.55
    shares, _ = np.histogram(difficulty, bins=[0, 0.25, 0.5, 0.75, 1])
    assert all(earlier > later for earlier, later in pairwise(shares))
    for easier in ("size", "contrast", "moment"):
        assert np.corrcoef([getattr(clip, easier) for clip in clips], difficulty)[0, 1] < -0.8
    for harder in ("clutter", "occlusion", "noise"):
        assert np.corrcoef([getattr(clip, harder) for clip in clips], difficulty)[0, 1] > 0.8


def test_every_shape_is_inside_its_circle_and_unlike_the_others():
    y, x = np.mgrid[-1.5:1.5:61j, -1.5:1.5:61j]
    masks = [shape_distance(name, x, y) < 0 for name in CLASS_NAMES[:6]]
    for mask in masks:
        assert 0.1 < mask.mean() < 0.4
        assert not mask[np.hypot(x, y) > 1.15].any()
    assert min((a ^ b).sum() for i, a in enumerate(masks) for b in masks[:i]) > 100


def test_other_parameters_lie_in_other_folders(tmp_path):
    folders = {
        Synthetic(tmp_path, **arguments).folder
        for arguments in ({}, {"seed": 1}, {"train_clips": 3}, {"calibration_clips": 3}, {"test_clips": 3})
    }
    assert len(folders) == 5
    assert Synthetic(tmp_path, num_frames=4, crop=32).folder in folders


def test_published_figures_keep_their_data():
    names = [Synthetic("any", **arguments).folder.name for arguments in ({}, {"seed": 3})]
    assert names == ["seed0-150x50x50-031fed6bfb", "seed3-150x50x50-86f9d2136a"]
    quarters = []
    for label in LABELS:
        frame_HWC = render(recipe(0, "train", label, 1))[9]
        quarters += [frame_HWC[y : y + 36, x : x + 40].mean() for y in (0, 36) for x in (0, 40)]
    assert quarters == pytest.approx([float(value) for value in BRIGHTNESS.split()], abs=0.05)


def test_what_is_made_is_not_made_again(synthetic, monkeypatch):
    synthetic.prepare_data()
    encoded = []
    monkeypatch.setattr(drawn_files, "encode", lambda *arguments: encoded.append(arguments))
    synthetic.prepare_data()
    assert encoded == []


def test_a_failure_leaves_nothing(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(drawn_files, "_write_lists", full)
    with pytest.raises(OSError, match="No space left"):
        Synthetic(tmp_path, train_clips=1, calibration_clips=1, test_clips=1).prepare_data()
    assert list(tmp_path.iterdir()) == []


def test_the_later_of_two_makers_takes_what_is_there(tmp_path, monkeypatch):
    module = Synthetic(tmp_path, train_clips=1, calibration_clips=1, test_clips=1)

    def other_maker_finishes_first(drawing, recipes, folder):
        (module.folder / "train").mkdir(parents=True)
        (module.folder / "manifest.csv").write_text("from the other maker")

    monkeypatch.setattr(drawn_files, "_write_lists", other_maker_finishes_first)
    module.prepare_data()
    assert list(tmp_path.iterdir()) == [module.folder]
    assert (module.folder / "manifest.csv").read_text() == "from the other maker"


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGINT])
def test_an_interrupted_run_leaves_nothing_that_is_taken_for_whole(tmp_path, stop):
    counts = {"train_clips": 20, "calibration_clips": 1, "test_clips": 1}
    # A shell's background jobs, and what they start, ignore Ctrl-C unless they ask for it.
    code = (
        "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler);"
        f"from dyninf.data import Synthetic; Synthetic(sys.argv[1], **{counts}).prepare_data()"
    )
    maker = subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + 60
    while len(list(tmp_path.rglob("*.mp4"))) < 3:
        assert maker.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(maker.pid, stop)
    assert maker.wait() != 0

    module = Synthetic(tmp_path, **counts)
    assert not module.folder.exists()
    left = list(tmp_path.iterdir())
    assert len(left) == (1 if stop == signal.SIGKILL else 0)
    drawn_files._remove_leftovers(module.folder)
    assert list(tmp_path.iterdir()) == []


def test_processes_in_parallel_make_the_same_clips(synthetic, tmp_path, monkeypatch):
    synthetic.prepare_data()
    monkeypatch.setattr(drawn_files, "_TASKS_WORTH_A_PROCESS", 1)
    monkeypatch.setattr(drawn_files, "cores", lambda: 2)
    module = Synthetic(tmp_path, train_clips=2, calibration_clips=1, test_clips=1)
    for row in manifest(module):
        assert (module.folder / row["path"]).read_bytes() == (synthetic.folder / row["path"]).read_bytes()


def test_the_same_frames_are_the_same_file_whatever_lay_in_memory_before(tmp_path):
    draw = np.random.default_rng(0)

    def noise(frames: int) -> np.ndarray:
        return draw.integers(0, 255, (frames, 9, 10, 3)).astype(np.uint8).repeat(8, 1).repeat(8, 2)

    clip, files = noise(24), set()
    for _ in range(25):
        drawn_files.encode(noise(int(draw.integers(3, 40))), tmp_path / "other.mp4")
        drawn_files.encode(clip, tmp_path / "clip.mp4")
        files.add((tmp_path / "clip.mp4").read_bytes())
    assert len(files) == 1
