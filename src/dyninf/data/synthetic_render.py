"""Drawing a synthetic clip with numpy: background, clutter, shape or figure, bars in front, noise.

T frames, H x W pixels, C = 3 colours, values between 0 and 1 until the last step.
"""

from __future__ import annotations

import colorsys

import numpy as np

from dyninf.data.synthetic_recipe import SHAPES, Recipe, hue
from dyninf.data.synthetic_shapes import box_distance, figure_distance, shape_distance

Array = np.ndarray
_DRIFT = 6  # pixels that the background may move to any side during a clip


def render(recipe: Recipe, frames: int = 32, height: int = 72, width: int = 80) -> Array:
    """Draw a clip: uint8 THWC, bit for bit the same for the same arguments.

    All that tells the class stays inside the central square of 8/9 of the height.
    """
    chance = np.random.default_rng(recipe.drawing_seed)
    background = _Background(recipe, chance, height, width)
    canvas_THWC = background.drawn(chance, frames)
    time_T11 = np.linspace(0, 1, frames, dtype=np.float32)[:, None, None]
    for _ in range(recipe.clutter):
        _paint_distractor(canvas_THWC, time_T11, _any_colour(recipe, chance), chance)
    colour_C = background.colour_C + recipe.contrast * (
        background.opposite(recipe, chance) - background.colour_C
    )
    paint = _paint_shape if recipe.motif in SHAPES else _paint_figure
    paint(canvas_THWC, time_T11, colour_C, recipe, chance)
    for _ in range(round(3 * recipe.occlusion)):
        _paint_bar(canvas_THWC, time_T11, _any_colour(recipe, chance), recipe.occlusion, chance)
    grain_THW1 = chance.standard_normal((frames, height, width, 1), dtype=np.float32)
    canvas_THWC += np.float32(recipe.noise) * grain_THW1
    np.clip(canvas_THWC, 0, 1, out=canvas_THWC)
    canvas_THWC *= 255
    drawn_THWC = np.rint(canvas_THWC, out=canvas_THWC).astype(np.uint8)
    # Last of all: background, clutter and noise run backwards too, or they would give the order away.
    return np.ascontiguousarray(drawn_THWC[::-1]) if recipe.backwards else drawn_THWC


class _Background:
    """Smooth noise between two tones of one hue, with stripes over every second, that drifts slowly."""

    def __init__(self, recipe: Recipe, chance: np.random.Generator, height: int, width: int) -> None:
        self.height, self.width = height, width
        self.value = chance.uniform(0.3, 0.7)
        saturation = chance.uniform(0.2, 0.6)
        self.colour_C = _rgb(recipe.background_hue, saturation, self.value)
        shape = (height + 2 * _DRIFT + 1, width + 2 * _DRIFT + 1)
        pattern_HW = np.zeros(shape)
        for cells, weight in ((3, 1.0), (7, 0.6), (17, 0.4)):
            pattern_HW += weight * _smooth_noise(cells, shape, chance)
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
        return _rgb(recipe.object_hue, chance.uniform(0.3, 0.8), float(np.clip(value, 0.04, 1.0)))


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
    center_x = (width - 1) / 2 + rest_x + sway[0] * _wave(time_T11, chance)
    center_y = (height - 1) / 2 + rest_y + sway[1] * _wave(time_T11, chance)
    angle = chance.uniform(-0.5, 0.5) + 0.35 * _wave(time_T11, chance)
    radius_T11 = radius * (1 + 0.1 * _wave(time_T11, chance))
    start = chance.uniform(0, 1 - recipe.moment)
    there_T11 = _inside(time_T11, start, start + recipe.moment)
    y, x = np.ogrid[:height, :width]
    x, y = _turned((x - center_x) / radius_T11, (y - center_y) / radius_T11, angle)
    _paint(canvas_THWC, radius_T11 * shape_distance(recipe.motif, x, y), colour_C, there_T11)


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
    swing = 0.3 * _wave(time_T11, chance)
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
    left, right = _span(middle - 0.6 * tall, middle + 0.6 * tall, width)
    top, bottom = _span(feet - 1.05 * tall, feet + 0.05 * tall, height)
    y, x = np.ogrid[top:bottom, left:right]
    x, y = ((x - middle) / tall).astype(np.float32), ((y - feet) / tall).astype(np.float32)
    distance = tall * figure_distance(x, y, crouch, swing)
    _paint(canvas_THWC[:, top:bottom, left:right], distance, colour_C, np.ones_like(time_T11))


def _paint_distractor(
    canvas_THWC: Array, time_T11: Array, colour_C: Array, chance: np.random.Generator
) -> None:
    """A small disc or bar, neither of which is a class, that wanders to and fro."""
    height, width = canvas_THWC.shape[1:3]
    radius, sway = chance.uniform(2, 6), chance.uniform(0, 4, size=2)
    middle_x, middle_y = chance.uniform(0, width), chance.uniform(0, height)
    reach_x, reach_y = radius + sway + 1
    left, right = _span(middle_x - reach_x, middle_x + reach_x, width)
    top, bottom = _span(middle_y - reach_y, middle_y + reach_y, height)
    y, x = np.ogrid[top:bottom, left:right]
    x = x - middle_x - sway[0] * _wave(time_T11, chance)
    y = y - middle_y - sway[1] * _wave(time_T11, chance)
    if chance.random() < 0.5:
        distance = np.hypot(x, y) - 0.7 * radius
    else:
        x, y = _turned(x, y, chance.uniform(0, np.pi))
        distance = box_distance(x, y, radius, 0.25 * radius)
    _paint(canvas_THWC[:, top:bottom, left:right], distance, colour_C, np.ones_like(time_T11))


def _paint_bar(
    canvas_THWC: Array, time_T11: Array, colour_C: Array, strength: float, chance: np.random.Generator
) -> None:
    """A bar through the picture that slides, and is there for a part of the clip."""
    height, width = canvas_THWC.shape[1:3]
    angle = chance.uniform(0, np.pi)
    offset = chance.uniform(-0.3, 0.3) * height + chance.uniform(-0.2, 0.2) * height * (2 * time_T11 - 1)
    thickness = chance.uniform(2, 3) + 3 * strength
    length = chance.uniform(0.5, 1.0)
    start = chance.uniform(0, 1 - length)
    y, x = np.ogrid[:height, :width]
    across = np.cos(angle) * (x - width / 2) + np.sin(angle) * (y - height / 2) - offset
    there_T11 = _inside(time_T11, start, start + length)
    _paint(canvas_THWC, np.abs(across) - thickness / 2, colour_C, there_T11)


def _paint(canvas_THWC: Array, distance_THW: Array, colour_C: Array, there_T11: Array) -> None:
    cover_THW = (np.clip(0.5 - distance_THW, 0, 1) * there_T11).astype(np.float32)
    touched = np.nonzero(cover_THW)  # a few per cent of the pixels
    under = canvas_THWC[touched]
    canvas_THWC[touched] = under + cover_THW[touched][:, None] * (colour_C - under)


def _wave(time_T11: Array, chance: np.random.Generator) -> Array:
    # Its chance is the same forwards and backwards: a sway tells nothing about the order.
    return np.sin(2 * np.pi * (chance.uniform(0.5, 1.5) * time_T11 + chance.random()), dtype=np.float32)


def _inside(time_T11: Array, start: float, end: float) -> Array:
    """1 between start and end, 0 outside, with a short fade; 1 all along where they are 0 and 1."""
    fade = 0.04
    rising = 1.0 if start < fade else np.clip((time_T11 - start) / fade, 0, 1)
    falling = 1.0 if end > 1 - fade else np.clip((end - time_T11) / fade, 0, 1)
    return np.minimum(rising, falling) * np.ones_like(time_T11)


def _turned(x: Array, y: Array, angle: Array | float) -> tuple[Array, Array]:
    cos, sin = np.cos(angle), np.sin(angle)
    turned_x, turned_y = cos * x + sin * y, cos * y - sin * x
    return turned_x.astype(np.float32), turned_y.astype(np.float32)


def _span(first: Array | float, last: Array | float, size: int) -> tuple[int, int]:
    """The pixels 0..size that hold everything from first to last, as (first, past the last)."""
    return max(0, int(np.min(first)) - 1), min(size, int(np.max(last)) + 3)


def _smooth_noise(cells: int, shape: tuple[int, int], chance: np.random.Generator) -> Array:
    """Random numbers in -1..1 on a grid of cells, with smooth passages between them."""
    grid = chance.uniform(-1, 1, size=(cells + 1, cells + 1))
    rows, columns = (_cell_and_part(size, cells) for size in shape)
    grid = grid[rows[0]] + rows[1][:, None] * (grid[rows[0] + 1] - grid[rows[0]])
    left = grid[:, columns[0]]
    return left + columns[1] * (grid[:, columns[0] + 1] - left)


def _cell_and_part(size: int, cells: int) -> tuple[Array, Array]:
    at = np.arange(size) * (cells / size)
    cell = at.astype(int)
    part = at - cell
    return cell, part * part * (3 - 2 * part)


def _any_colour(recipe: Recipe, chance: np.random.Generator) -> Array:
    return _rgb(hue(recipe.split, chance), chance.uniform(0.2, 0.8), chance.uniform(0.2, 0.9))


def _rgb(hue_: float, saturation: float, value: float) -> Array:
    return np.array(colorsys.hsv_to_rgb(hue_, saturation, value), dtype=np.float32)
