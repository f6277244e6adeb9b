"""The embedded data set: shapes and a figure that acts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from dyninf.data.drawn import DrawnDataModule
from dyninf.data.drawn_files import Drawing
from dyninf.data.synthetic_recipe import ACTS, CLASS_NAMES, recipe
from dyninf.data.synthetic_render import FRAMES, HEIGHT, WIDTH, render

FPS = 16
DRAWING = Drawing(
    name="synthetic",
    version=1,
    class_names=CLASS_NAMES,
    columns=(
        *("video_id", "path", "split", "label", "class", "difficulty", "size", "contrast", "clutter"),
        *("occlusion", "noise", "moment", "background_hue", "object_hue"),
    ),
    picture=(FRAMES, HEIGHT, WIDTH, FPS),
    fps=FPS,
    recipe=recipe,
    draw=render,
)


class Synthetic(DrawnDataModule):
    """Short clips of a shape that sways (6 scene classes) or a figure that acts (6 temporal ones).

    Clips are 32 frames of 80 x 72 pixels in H.264 mp4 files; every second one is easy, the others get
    gradually harder, as `manifest.csv` in `folder` says. Splits share no seed, hue or background. No clip
    is mirrored in training: it would turn walking right into walking left.
    """

    name = "synthetic"
    drawing = DRAWING
    class_names = CLASS_NAMES
    pairs = tuple((CLASS_NAMES.index(a), CLASS_NAMES.index(b)) for a, b in ACTS)
    temporal_classes = frozenset(label for pair in pairs for label in pair)

    def __init__(self, root: str | Path, resize: int = 72, crop: int = 64, **settings: Any) -> None:
        super().__init__(root, resize=resize, crop=crop, **settings)
