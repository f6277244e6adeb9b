"""The motion-capture benchmark keeps its promises."""

import csv
from collections import Counter
from itertools import combinations, pairwise

import numpy as np
import pytest

from dyninf.data import Mocap, probe
from dyninf.data.mocap_motions import MOTIONS
from dyninf.data.mocap_recipe import CLASS_NAMES, PAIRS, SCENE_MOTIONS, SETTINGS, SPLITS, Parted, recipe
from dyninf.data.mocap_render import render

LABELS = range(len(CLASS_NAMES))
OWN = {
    "phase": SETTINGS.phase,
    "azimuth": SETTINGS.azimuth,
    "elevation": SETTINGS.elevation,
    "grain": SETTINGS.grain,
    "leg": SETTINGS.limbs,
    "arm": SETTINGS.limbs,
    "trunk": SETTINGS.limbs,
    "girth": SETTINGS.girth,
    "ground_hue": SETTINGS.hue,
    "figure_hue": SETTINGS.hue,
}
"""What no split shares with another."""


@pytest.fixture(scope="module")
def mocap(motions, tmp_path_factory) -> Mocap:
    """One clip of each class and split."""
    root = tmp_path_factory.mktemp("mocap")
    counts = {"train_clips": 1, "calibration_clips": 1, "test_clips": 1}
    return Mocap(root, num_frames=4, batch_size=5, num_workers=0, **counts)


def test_every_motion_has_its_class_and_twelve_classes_are_temporal():
    assert len(CLASS_NAMES) == 21
    assert {*SCENE_MOTIONS, *(motion for motion, _ in PAIRS)} == set(MOTIONS)
    assert [tuple(CLASS_NAMES[label] for label in pair) for pair in Mocap.pairs] == list(PAIRS)
    assert {CLASS_NAMES[label] for label in Mocap.temporal_classes} == {
        name for pair in PAIRS for name in pair
    }


def test_splits_share_no_view_body_phase_or_scene():
    clips = [recipe(0, split, label, i) for split in SPLITS for label in LABELS for i in range(20)]
    for clip in clips:
        for name, parted in OWN.items():
            assert parted.owner(getattr(clip, name)) == clip.split, (clip.video_id, name)
    keys = [{clip.drawing_seed.spawn_key for clip in clips if clip.split == split} for split in SPLITS]
    assert not any(one & other for one, other in combinations(keys, 2))


@pytest.mark.parametrize("owners", sorted({parted.owners for parted in OWN.values()}))
def test_calibration_lies_as_far_from_training_as_test_does(owners):
    held = {
        split: [i for i, owner in enumerate(owners) if owner == str(number)]
        for number, split in enumerate(SPLITS)
    }
    assert len(held["train"]) == 2 * len(held["calibration"]) == 2 * len(held["test"])
    for split in ("calibration", "test"):
        for i in held[split]:
            assert sum(owners[j % len(owners)] == "0" for j in (i - 1, i + 1)) == 1
    assert np.mean(held["calibration"]) == np.mean(held["test"])
    if owners != SETTINGS.azimuth.owners:  # a circle has no spread
        assert np.std(held["calibration"]) == pytest.approx(np.std(held["test"]))


def test_calibration_views_are_test_views_from_the_opposite_side():
    owners = SETTINGS.azimuth.owners
    assert owners == (owners[4:] + owners[:4]).translate(str.maketrans("12", "21"))


def test_a_range_gives_each_split_all_of_its_parts_and_nothing_of_another():
    parted, chance = Parted(10.0, 26.0), np.random.default_rng(0)
    for number, split in enumerate(SPLITS):
        values = [parted.drawn(split, chance) for _ in range(300)]
        assert {parted.owner(value) for value in values} == {split}
        assert {int(value - 10) for value in values} == {
            i for i, o in enumerate(parted.owners) if o == str(number)
        }
    assert parted.owner(11.0) is None


def test_half_of_the_clips_are_easy_and_hardness_does_not_depend_on_the_split():
    clips = [recipe(0, split, label, i) for split in SPLITS for label in LABELS for i in range(30)]
    difficulty = np.array([clip.difficulty for clip in clips])
    shares, _ = np.histogram(difficulty, bins=[0, 0.25, 0.5, 0.75, 1])
    assert 0.45 < shares[0] / len(clips) < 0.55
    assert all(earlier > later for earlier, later in pairwise(shares))
    for split in SPLITS:
        assert difficulty[[clip.split == split for clip in clips]].mean() == pytest.approx(1 / 3, abs=0.04)
    for harder, sign in (("size", 1), ("contrast", -1), ("clutter", 1), ("occlusion", 1), ("noise", 1)):
        assert sign * np.corrcoef([getattr(clip, harder) for clip in clips], difficulty)[0, 1] > 0.8


def test_other_parameters_lie_in_other_folders_and_need_no_motions(tmp_path):
    arguments = ({}, {"seed": 1}, {"train_clips": 3}, {"calibration_clips": 3}, {"test_clips": 3})
    folders = {Mocap(tmp_path, **argument).folder for argument in arguments}
    assert len(folders) == 5
    assert Mocap(tmp_path, num_frames=4, crop=32).folder in folders


def test_published_figures_keep_their_data():
    assert Mocap("any").folder.name == "seed0-360x40x40-f6782949fd"
    clip = recipe(0, "test", CLASS_NAMES.index("walk"), 0)
    values = (clip.difficulty, clip.phase, clip.azimuth, clip.leg, clip.figure_hue)
    assert values == pytest.approx((0.4097, 0.3255, 309.3078, 0.8905, 0.3175), abs=1e-4)


@pytest.mark.parametrize("pair", Mocap.pairs)
def test_a_pair_shows_the_same_frames_in_reverse_order(pair, motions):
    one, other = (recipe(0, "train", label, 1) for label in pair)
    assert (one.backwards, other.backwards) == (False, True)
    forwards_THWC, backwards_THWC = render(one), render(other)
    assert forwards_THWC.shape == (32, 80, 80, 3)
    assert np.array_equal(forwards_THWC, backwards_THWC[::-1])
    assert not np.array_equal(forwards_THWC, backwards_THWC)


def test_a_clip_is_drawn_the_same_bit_for_bit(motions):
    label = CLASS_NAMES.index("kick")
    first, second = (render(recipe(7, "train", label, 3)) for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, render(recipe(8, "train", label, 3)))


def test_the_folder_has_every_clip_of_the_manifest_and_nothing_else(mocap):
    mocap.prepare_data()
    with (mocap.folder / "manifest.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    files = {str(file.relative_to(mocap.folder)) for file in mocap.folder.rglob("*") if file.is_file()}
    assert files == {row["path"] for row in rows} | {"manifest.csv", "classes.txt"}
    assert Counter((row["split"], row["class"]) for row in rows) == {
        (s, n): 1 for s in SPLITS for n in CLASS_NAMES
    }
    assert all(row["class"].removesuffix("_reversed") == row["motion"] for row in rows)
    assert all(0 <= float(row["difficulty"]) <= 1 for row in rows)
    info = probe(mocap.folder / rows[0]["path"])
    assert (info.frames, info.width, info.height, info.fps, info.codec) == (32, 80, 80, 16.0, "h264")


def test_a_batch_of_every_split_comes_through_the_loader(mocap):
    for loader in (mocap.train_dataloader(), mocap.val_dataloader(), mocap.test_dataloader()):
        batch = next(iter(loader))
        assert batch.video.shape == (5, 4, 3, 72, 72)
        assert batch.label.shape == (5,)
    assert [video.label for video in mocap.videos("test")] == list(LABELS)


def test_what_is_made_is_read_without_the_motions(mocap, monkeypatch):
    mocap.prepare_data()
    monkeypatch.setattr("sys.path", [])
    again = Mocap(mocap.root, train_clips=1, calibration_clips=1, test_clips=1)
    assert len(again.videos("train")) == len(CLASS_NAMES)
