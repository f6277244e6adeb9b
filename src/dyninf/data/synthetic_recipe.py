"""What a synthetic clip shows and how hard it is to see, drawn from its seed alone.

Scene classes are told by a shape that one frame shows. Temporal classes are acts of a stick figure that
come in pairs: clip i of one class is clip i of the other played backwards, so that the pair differs in
the order of the frames and in nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SPLITS = ("train", "calibration", "test")
SHAPES = ("ring", "triangle", "square", "star", "cross", "crescent")
ACTS = (("walks_right", "walks_left"), ("comes_near", "goes_away"), ("sits_down", "stands_up"))
CLASS_NAMES = (*SHAPES, *(name for pair in ACTS for name in pair))

HUE_BINS = 24
_HUE_MARGIN = 0.1  # of a bin at either side, so that hues of two splits never touch


@dataclass(frozen=True)
class Recipe:
    """A clip before it is drawn. Strengths lie between 0 and 1.

    motif: the shape, or the act that is played forwards;
    backwards: play the drawn frames in reverse;
    difficulty: strength of everything below taken together; every second clip has less than 0.25;
    size: of the shape or figure, 1 is the largest;
    contrast: of the shape or figure to the background, 1 is the clearest;
    clutter: number of distracting discs and bars;
    occlusion: how much bars in front of the scene cover;
    noise: standard deviation of the pixel noise, for values between 0 and 1;
    moment: part of the clip in which the shape is there, or the figure moves;
    background_hue, object_hue: on a colour circle of length 1;
    drawing_seed: for whatever else drawing takes from chance.
    """

    split: str
    label: int
    index: int
    motif: str
    backwards: bool
    difficulty: float
    size: float
    contrast: float
    clutter: int
    occlusion: float
    noise: float
    moment: float
    background_hue: float
    object_hue: float
    drawing_seed: np.random.SeedSequence

    @property
    def video_id(self) -> str:
        return f"{self.split}/{CLASS_NAMES[self.label]}/{self.index:04d}"


def recipe(seed: int, split: str, label: int, index: int) -> Recipe:
    """The recipe of clip `index` of a class and split; the same arguments give the same recipe."""
    motif, backwards = motif_of(label)
    key = (SPLITS.index(split), CLASS_NAMES.index(motif), index)
    chance_seed, drawing_seed = np.random.SeedSequence(seed, spawn_key=key).spawn(2)
    chance = np.random.default_rng(chance_seed)
    # Half of the squares of uniform numbers lie below 1/4: many easy clips, and a long tail of hard ones.
    difficulty = float(chance.random() ** 2)
    small, faint, cluttered, covered, noisy, brief = difficulty * chance.uniform(0.4, 1.0, size=6)
    return Recipe(
        split=split,
        label=label,
        index=index,
        motif=motif,
        backwards=backwards,
        difficulty=difficulty,
        size=float(1 - 0.45 * small),
        contrast=float(1 - 0.6 * faint),
        clutter=int(chance.integers(0, 2) + round(6 * cluttered)),
        occlusion=float(covered),
        noise=float(0.01 + 0.075 * noisy),
        moment=float(1 - 0.7 * brief),
        background_hue=hue(split, chance),
        object_hue=hue(split, chance),
        drawing_seed=drawing_seed,
    )


def motif_of(label: int) -> tuple[str, bool]:
    """The shape or forward act of a class, and whether the class shows it backwards."""
    name = CLASS_NAMES[label]
    for forwards, backwards in ACTS:
        if name == backwards:
            return forwards, True
    return name, False


def hue(split: str, chance: np.random.Generator) -> float:
    """A hue of the split's own comb: every third of the circle's bins, so that splits share no colour."""
    tooth = int(chance.integers(HUE_BINS // len(SPLITS))) * len(SPLITS) + SPLITS.index(split)
    return float((tooth + chance.uniform(_HUE_MARGIN, 1 - _HUE_MARGIN)) / HUE_BINS)
