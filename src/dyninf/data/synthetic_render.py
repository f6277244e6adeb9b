"""Drawing a synthetic clip with numpy: background, clutter, shape or figure, bars in front, noise.

T frames, H x W pixels, C = 3 colours, values between 0 and 1 until the last step.
"""

from __future__ import annotations

import numpy as np

from dyninf.data.painting import (
    finished,
    inside,
    paint,
    paint_bar,
    paint_distractor,
    rgb,
    smooth_noise,
    span,
    turned,
    wave,
)
from dyninf.data.synthetic_recipe import SHAPES, Recipe, hue
from dyninf.data.synthetic_shapes import figure_distance, shape_distance

Array = np.ndarray
FRAMES, HEIGHT, WIDTH = 32, 72, 80
_DRIFT = 6  # pixels that the background may move to any side during a clip


def render(recipe: Recipe, frames: int = FRAMES, height: int = HEIGHT, width: int = WIDTH) -> Array:
    """Draw a clip: uint8 THWC, bit for bit the same for the same arguments.

    All that tells the class stays inside the central square of 8/9 of the height.
    """
    chance = np.random.default_rng(recipe.drawing_seed)
    background = _Background(recipe, chance, height, width)
    canvas_THWC = background.drawn(chance, frames)
    time_T11 = np.linspace(0, 1, frames, dtype=np.float32)[:, None, None]
    for _ in range(recipe.clutter):
        paint_distractor(canvas_THWC, time_T11, _any_colour(recipe, chance), chance)
    colour_C = background.colour_C + recipe.contrast * (
        background.opposite(recipe, chance) - background.colour_C
    )
    paint_motif = _paint_shape if recipe.motif in SHAPES else _paint_figure
    paint_motif(canvas_THWC, time_T11, colour_C, recipe, chance)
    for _ in range(round(3 * recipe.occlusion)):
        paint_bar(canvas_THWC, time_T11, _any_colour(recipe, chance), recipe.occlusion, chance)
    return finished(canvas_THWC, recipe.noise, recipe.backwards, chance)


class _Background:
    """Smooth noise between two tones of one hue, with stripes over every second, that drifts slowly."""

    def __init__(self, recipe: Recipe, chance: np.random.Generator, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.value = chance.uniform(0.3, 0.7)
        saturation = chance.uniform(0.2, 0.6)
        self.colour_C = rgb(recipe.background_hue, saturation, self.value)
        shape = (height + 2 * _DRIFT + 1, width + 2 * _DRIFT + 1)
        pattern_HW = np.zeros(shape)
        for cells, weight in ((3, 1.0), (7, 0.6), (17, 0.4)):
            pattern_HW += weight * smooth_noise(cells, shape, chance)
        if chance.random() < 0.5:
            y, x = np.mgrid[: shape[0], : shape[1]]
            angle, period = chance.uniform(0, np.pi), chance.uniform(5, 16)
            along = np.cos(angle) * x + np.sin(angle) * y
            pattern_HW += 0.7 * np.sin(2 * np.pi * along / period)
        strength = chance.uniform(0.05, 0.10)
        tint_C = 0.5 + self.colour_C
        self.texture_HWC = (self.colour_C + strength * pattern_HW[..., None] * tint_C).astype(np.float32)

    def drawn(self, chance: np.random.Generator, frames: int) -> Array:
        """THWC: the texture, moved in a straight line through the middle of its range."""
        step_y, step_x = chance.uniform(-_DRIFT, _DRIFT, size=2)
        canvas_THWC = np.empty((frames, self.height, self.width, 3), np.float32)
        for t, at in enumerate(np.linspace(-1, 1, frames)):
            canvas_THWC[t] = self._window(_DRIFT + at * step_y, _DRIFT + at * step_x)
        return canvas_THWC

    def _window(self, top: float, left: float) -> Array:
        y, x = int(top), int(left)
        part_y, part_x = np.float32(top - y), np.float32(left - x)
        rows = self.texture_HWC[y : y + self.height + 1, x : x + self.width + 1]
        rows = rows[:-1] + part_y * (rows[1:] - rows[:-1])
        return rows[:, :-1] + part_x * (rows[:, 1:] - rows[:, :-1])

    def opposite(self, recipe: Recipe, chance: np.random.Generator) -> Array:
        """A colour that is well lighter or darker than the background."""
        lighter = self.value < 0.5
        value = self.value + (0.5 if lighter else -0.4) * chance.uniform(0.8, 1.0)
        return rgb(recipe.object_hue, chance.uniform(0.3, 0.8), float(np.clip(value, 0.04, 1.0)))


def _paint_shape(
    canvas_THWC: Array, time_T11: Array, colour_C: Array, recipe: Recipe, chance: np.random.Generator
) -> None:
    """A shape that sways, turns and breathes without direction, and is there for the moment only."""
    height, width = canvas_THWC.shape[1:3]
    safe = 4 / 9 * height  # half the side of the square that the class must be told from
    radius = 0.25 * height * recipe.size
    room = safe - radius
    rest_x, rest_y = chance.uniform(-0.7, 0.7, size=2) * room
    sway = chance.uniform(0, 0.3, size=2) * room
    center_x = (width - 1) / 2 + rest_x + sway[0] * wave(time_T11, chance)
    center_y = (height - 1) / 2 + rest_y + sway[1] * wave(time_T11, chance)
    angle = chance.uniform(-0.5, 0.5) + 0.35 * wave(time_T11, chance)
    radius_T11 = radius * (1 + 0.1 * wave(time_T11, chance))
    start = chance.uniform(0, 1 - recipe.moment)
    there_T11 = inside(time_T11, start, start + recipe.moment)
    y, x = np.ogrid[:height, :width]
    x, y = turned((x - center_x) / radius_T11, (y - center_y) / radius_T11, angle)
    paint(canvas_THWC, radius_T11 * shape_distance(recipe.motif, x, y), colour_C, there_T11)


def _paint_figure(
    canvas_THWC: Array, time_T11: Array, colour_C: Array, recipe: Recipe, chance: np.random.Generator
) -> None:
    """A figure that acts during the moment and rests before and after it."""
    height, width = canvas_THWC.shape[1:3]
    start = chance.uniform(0, 1 - recipe.moment)
    done_T11 = np.clip((time_T11 - start) / recipe.moment, 0, 1)
    tall = 0.62 * height * recipe.size * np.ones_like(time_T11)
    aside = chance.uniform(-0.12, 0.12) * height + np.zeros_like(time_T11)
    feet = (height + tall) / 2 + chance.uniform(-0.08, 0.08) * height
    crouch = np.zeros_like(time_T11)
    swing = 0.3 * wave(time_T11, chance)
    match recipe.motif:
        case "walks_right":
            aside = (done_T11 - 0.5) * 0.52 * height
            swing = np.sin(2 * np.pi * (2 * done_T11 + chance.random()))
        case "comes_near":
            tall = tall * (0.42 + 0.86 * done_T11)
            feet = height * (0.60 + 0.32 * done_T11)
        case "sits_down":
            crouch = done_T11 * done_T11 * (3 - 2 * done_T11)
    # Only the window that the figure reaches during the clip is touched.
    middle = (width - 1) / 2 + aside
    left, right = span(middle - 0.6 * tall, middle + 0.6 * tall, width)
    top, bottom = span(feet - 1.05 * tall, feet + 0.05 * tall, height)
    y, x = np.ogrid[top:bottom, left:right]
    x, y = ((x - middle) / tall).astype(np.float32), ((y - feet) / tall).astype(np.float32)
    distance = tall * figure_distance(x, y, crouch, swing)
    paint(canvas_THWC[:, top:bottom, left:right], distance, colour_C, np.ones_like(time_T11))


def _any_colour(recipe: Recipe, chance: np.random.Generator) -> Array:
    return rgb(hue(recipe.split, chance), chance.uniform(0.2, 0.8), chance.uniform(0.2, 0.9))
