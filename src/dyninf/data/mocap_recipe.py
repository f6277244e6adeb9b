"""What a motion-capture clip shows and how hard it is to see, drawn from its seed alone.

Scene classes are motions that their poses tell, in whatever order they come. Temporal classes are a motion
and its reversal: clip i of one is clip i of the other played backwards, frame by frame.

What a split must not share with another is drawn from parts of a range that it alone has (`Parted`):
views, bodies, phases of a motion, colours and scale of the scene; its seeds are its own, too. Calibration is
as unseen in training as test is, and lies just as far from it, so that a threshold chosen on it is chosen on
what testing will be like. What makes a clip hard has the same chances in all splits.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dyninf.data.mocap_skeleton import Body

SPLITS = ("train", "calibration", "test")
SCENE_MOTIONS = ("backflip", "cartwheel", "dance_a", "dance_b", "kick", "punch", "roll", "spin", "spinkick")
TEMPORAL_MOTIONS = ("walk", "run", "crawl", "jump", "getup_facedown", "getup_faceup")
PAIRS = tuple((motion, f"{motion}_reversed") for motion in TEMPORAL_MOTIONS)
CLASS_NAMES = (*SCENE_MOTIONS, *(name for pair in PAIRS for name in pair))
SCENES = ("plain", "checker", "stripes", "noise", "tiles")


@dataclass(frozen=True)
class Parted:
    """A range that is cut into equal parts, each of which one split has; `owners` are its split's digits.

    Every part of calibration and of test lies between one of training and one of the other, and the parts of
    both have the same mean and spread: as unseen ranges they are exchangeable.
    """

    low: float
    high: float
    owners: str = "0120021002100120"
    margin: float = 0.05  # of a part, at either side, that no split has

    def drawn(self, split: str, chance: np.random.Generator) -> float:
        """A value from the split's parts."""
        parts = [i for i, owner in enumerate(self.owners) if SPLITS[int(owner)] == split]
        at = parts[chance.integers(len(parts))] + chance.uniform(self.margin, 1 - self.margin)
        return float(self.low + (self.high - self.low) * at / len(self.owners))

    def owner(self, value: float) -> str | None:
        """The split that has this value; None in the margins between parts."""
        part, within = divmod((value - self.low) / (self.high - self.low) * len(self.owners), 1)
        inside = self.margin < within + 1e-9 and within < 1 - self.margin + 1e-9
        return SPLITS[int(self.owners[int(part)])] if inside else None


@dataclass(frozen=True)
class Settings:
    """Everything that is the same for all clips. Pairs are (low, high).

    seconds: of a motion that a clip shows, before tempo; long_motions are shown longer;
    tempo: how much faster than recorded;
    view: metres that the picture's height shows, at difficulty 0 and 1;
    distance: of the camera in metres;
    azimuth, elevation: of the camera in degrees; the azimuths are such that front, side and back are seen
        in training and in testing alike, from sectors of 45 degrees of its own each;
    travel: metres that a figure may cross the picture; of a longer way the camera follows the rest;
    phase: see `Recipe`; limbs, girth: factors of a body's lengths and thickness;
    grain: metres that a pattern on the ground takes to repeat; hue: of everything but skin.
    """

    frames: int = 32
    height: int = 80
    width: int = 80
    fps: int = 16
    seconds: float = 2.0
    long_motions: tuple[tuple[str, float], ...] = (
        *(("cartwheel", 2.6), ("spin", 3.6)),
        *(("getup_facedown", 2.6), ("getup_faceup", 3.2)),
    )
    tempo: tuple[float, float] = (0.85, 1.15)
    view: tuple[float, float] = (2.5, 4.2)
    distance: tuple[float, float] = (5.0, 9.0)
    travel: tuple[float, float] = (0.3, 1.1)
    azimuth: Parted = Parted(45.0, 405.0, "01200210")
    elevation: Parted = Parted(3.0, 35.0)
    phase: Parted = Parted(0.0, 1.0)
    limbs: Parted = Parted(0.85, 1.15)
    girth: Parted = Parted(0.75, 1.35)
    grain: Parted = Parted(0.6, 2.2)
    hue: Parted = Parted(0.0, 1.0)


VERSION = 1
SETTINGS = Settings()


@dataclass(frozen=True)
class Recipe:
    """A clip before it is drawn. Strengths lie between 0 and 1.

    motion, backwards: what is played, and whether the drawn frames are reversed;
    difficulty: strength of size, contrast, clutter, occlusion and noise taken together; every second clip
        has less than 0.25;
    size: metres that the picture's height shows: the more, the smaller the figure;
    contrast: of the figure to the ground, 1 is the clearest;
    clutter: number of distracting discs and bars;
    occlusion: how much bars in front of the scene cover;
    noise: standard deviation of the pixel noise, for values between 0 and 1;
    phase: where in the motion the clip starts, as a part of what is left for it to start in;
    tempo, distance, azimuth, elevation, travel, grain, leg, arm, trunk, girth: see `Settings`;
    scene: the kind of pattern on ground and sky;
    ground_hue, figure_hue: on a colour circle of length 1;
    drawing_seed: for whatever else drawing takes from chance.
    """

    split: str
    label: int
    index: int
    motion: str
    backwards: bool
    difficulty: float
    size: float
    contrast: float
    clutter: int
    occlusion: float
    noise: float
    phase: float
    tempo: float
    distance: float
    azimuth: float
    elevation: float
    travel: float
    scene: str
    grain: float
    leg: float
    arm: float
    trunk: float
    girth: float
    ground_hue: float
    figure_hue: float
    drawing_seed: np.random.SeedSequence

    @property
    def video_id(self) -> str:
        return f"{self.split}/{CLASS_NAMES[self.label]}/{self.index:04d}"

    @property
    def body(self) -> Body:
        return Body(self.leg, self.arm, self.trunk, self.girth)

    @property
    def seconds(self) -> float:
        """Of the motion, that the clip shows."""
        return dict(SETTINGS.long_motions).get(self.motion, SETTINGS.seconds) * self.tempo


COLUMNS = (
    *("video_id", "path", "split", "label", "class", "motion", "backwards", "difficulty", "size", "contrast"),
    *("clutter", "occlusion", "noise", "phase", "tempo", "distance", "azimuth", "elevation", "travel"),
    *("scene", "grain", "leg", "arm", "trunk", "girth", "ground_hue", "figure_hue"),
)


def recipe(seed: int, split: str, label: int, index: int) -> Recipe:
    """The recipe of clip `index` of a class and split; the same arguments give the same recipe."""
    motion, backwards = motion_of(label)
    key = (SPLITS.index(split), CLASS_NAMES.index(motion), index)
    chance_seed, drawing_seed = np.random.SeedSequence(seed, spawn_key=key).spawn(2)
    chance = np.random.default_rng(chance_seed)
    # Half of the squares of uniform numbers lie below 1/4: many easy clips, and a long tail of hard ones.
    difficulty = float(chance.random() ** 2)
    small, faint, cluttered, covered, noisy = difficulty * chance.uniform(0.4, 1.0, size=5)
    near, far = SETTINGS.view
    return Recipe(
        split=split,
        label=label,
        index=index,
        motion=motion,
        backwards=backwards,
        difficulty=difficulty,
        size=float(near + (far - near) * small),
        contrast=float(1 - 0.65 * faint),
        clutter=int(chance.integers(0, 2) + round(6 * cluttered)),
        occlusion=float(covered),
        noise=float(0.01 + 0.075 * noisy),
        phase=SETTINGS.phase.drawn(split, chance),
        tempo=float(chance.uniform(*SETTINGS.tempo)),
        distance=float(chance.uniform(*SETTINGS.distance)),
        azimuth=SETTINGS.azimuth.drawn(split, chance),
        elevation=SETTINGS.elevation.drawn(split, chance),
        travel=float(chance.uniform(*SETTINGS.travel)),
        scene=SCENES[chance.integers(len(SCENES))],
        grain=SETTINGS.grain.drawn(split, chance),
        leg=SETTINGS.limbs.drawn(split, chance),
        arm=SETTINGS.limbs.drawn(split, chance),
        trunk=SETTINGS.limbs.drawn(split, chance),
        girth=SETTINGS.girth.drawn(split, chance),
        ground_hue=SETTINGS.hue.drawn(split, chance),
        figure_hue=SETTINGS.hue.drawn(split, chance),
        drawing_seed=drawing_seed,
    )


def motion_of(label: int) -> tuple[str, bool]:
    """The motion of a class, and whether the class shows it backwards."""
    name = CLASS_NAMES[label]
    return name.removesuffix("_reversed"), name.endswith("_reversed")
