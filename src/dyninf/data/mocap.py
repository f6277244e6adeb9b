"""Captured human motions, drawn from unseen views of unseen bodies in unseen scenes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dyninf.data.drawn import DrawnDataModule
from dyninf.data.drawn_files import Drawing
from dyninf.data.mocap_motions import DIGEST, load
from dyninf.data.mocap_recipe import CLASS_NAMES, COLUMNS, PAIRS, SETTINGS, VERSION, recipe
from dyninf.data.mocap_render import render

DRAWING = Drawing(
    name="mocap",
    version=VERSION,
    class_names=CLASS_NAMES,
    columns=COLUMNS,
    picture=(SETTINGS, DIGEST),
    fps=SETTINGS.fps,
    recipe=recipe,
    draw=render,
)


class Mocap(DrawnDataModule):
    """The 15 human motions of the package pybullet; making the clips needs `pip install dyninf[mocap]`.

    9 scene classes are motions that poses tell: backflip, cartwheel, dance_a, dance_b, kick, punch, roll,
    spin, spinkick. 12 temporal classes are the motions walk, run, crawl, jump, getup_facedown and
    getup_faceup, and each of them reversed. Clips are 32 frames of 80 x 80 pixels in H.264 mp4 files, of
    which the central 72 x 72 show what is needed; every second clip is easy, the others get gradually
    harder, as `manifest.csv` in `folder` says. Training, calibration and test share no scene, body, view or
    phase of a motion; no clip is mirrored in training, which would show views that are kept for testing.

    Args are the base's; other numbers of clips, or another seed, make other clips.

    Raises:
        ValueError: an argument is out of its range; or, when clips are made, pybullet is not installed.
    """

    name = "mocap"
    drawing = DRAWING
    class_names = CLASS_NAMES
    pairs = tuple((CLASS_NAMES.index(a), CLASS_NAMES.index(b)) for a, b in PAIRS)
    temporal_classes = frozenset(label for pair in pairs for label in pair)

    def __init__(
        self,
        root: str | Path,
        resize: int = 80,
        crop: int = 72,
        train_clips: int = 360,
        calibration_clips: int = 40,
        test_clips: int = 40,
        seed: int = 0,
        **settings: Any,
    ) -> None:
        counts = (train_clips, calibration_clips, test_clips)
        super().__init__(root, *counts, seed, resize=resize, crop=crop, **settings)

    def prepare_data(self) -> None:
        if not self.folder.exists():
            load()  # says what is missing before folders and processes are made
        super().prepare_data()
