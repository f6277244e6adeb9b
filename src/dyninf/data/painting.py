"""Painting on the frames of a clip: soft outlines, distractors, bars in front, smooth noise.

T frames, H x W pixels, C = 3 colours, values between 0 and 1. Times are T11, from 0 to 1 over the clip.
"""

from __future__ import annotations

import colorsys

import numpy as np

Array = np.ndarray


def paint_distractor(
    canvas_THWC: Array, time_T11: Array, colour_C: Array, chance: np.random.Generator
) -> None:
    """A small disc or bar, neither of which is a class, that wanders to and fro."""
    height, width = canvas_THWC.shape[1:3]
    radius, sway = chance.uniform(2, 6), chance.uniform(0, 4, size=2)
    middle_x, middle_y = chance.uniform(0, width), chance.uniform(0, height)
    reach_x, reach_y = radius + sway + 1
    left, right = span(middle_x - reach_x, middle_x + reach_x, width)
    top, bottom = span(middle_y - reach_y, middle_y + reach_y, height)
    y, x = np.ogrid[top:bottom, left:right]
    x = x - middle_x - sway[0] * wave(time_T11, chance)
    y = y - middle_y - sway[1] * wave(time_T11, chance)
    if chance.random() < 0.5:
        distance = np.hypot(x, y) - 0.7 * radius
    else:
        x, y = turned(x, y, chance.uniform(0, np.pi))
        distance = box_distance(x, y, radius, 0.25 * radius)
    paint(canvas_THWC[:, top:bottom, left:right], distance, colour_C, np.ones_like(time_T11))


def paint_bar(
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
    there_T11 = inside(time_T11, start, start + length)
    paint(canvas_THWC, np.abs(across) - thickness / 2, colour_C, there_T11)


def finished(canvas_THWC: Array, noise: float, backwards: bool, chance: np.random.Generator) -> Array:
    """The painted clip as uint8, with pixel noise of this standard deviation; spends the canvas."""
    grain_THW1 = chance.standard_normal((*canvas_THWC.shape[:3], 1), dtype=np.float32)
    canvas_THWC += np.float32(noise) * grain_THW1
    np.clip(canvas_THWC, 0, 1, out=canvas_THWC)
    canvas_THWC *= 255
    drawn_THWC = np.rint(canvas_THWC, out=canvas_THWC).astype(np.uint8)
    # Last of all: background, clutter and noise run backwards too, or they would give the order away.
    return np.ascontiguousarray(drawn_THWC[::-1]) if backwards else drawn_THWC


def paint(canvas_THWC: Array, distance_THW: Array, colour_C: Array, there_T11: Array) -> None:
    """Paint the pixels of negative distance, with a soft edge, as strongly as the thing is there (0..1)."""
    cover_THW = (np.clip(0.5 - distance_THW, 0, 1) * there_T11).astype(np.float32)
    touched = np.nonzero(cover_THW)  # a few per cent of the pixels
    under = canvas_THWC[touched]
    canvas_THWC[touched] = under + cover_THW[touched][:, None] * (colour_C - under)


def wave(time_T11: Array, chance: np.random.Generator) -> Array:
    """-1..1: about one period over the clip, of random length and start."""
    # Its chance is the same forwards and backwards: a sway tells nothing about the order.
    return np.sin(2 * np.pi * (chance.uniform(0.5, 1.5) * time_T11 + chance.random()), dtype=np.float32)


def inside(time_T11: Array, start: float, end: float) -> Array:
    """1 between start and end, 0 outside, with a short fade; 1 all along where they are 0 and 1."""
    fade = 0.04
    rising = 1.0 if start < fade else np.clip((time_T11 - start) / fade, 0, 1)
    falling = 1.0 if end > 1 - fade else np.clip((end - time_T11) / fade, 0, 1)
    return np.minimum(rising, falling) * np.ones_like(time_T11)


def turned(x: Array, y: Array, angle: Array | float) -> tuple[Array, Array]:
    """Coordinates in a frame that is turned by an angle."""
    cos, sin = np.cos(angle), np.sin(angle)
    turned_x, turned_y = cos * x + sin * y, cos * y - sin * x
    return turned_x.astype(np.float32), turned_y.astype(np.float32)


def span(first: Array | float, last: Array | float, size: int) -> tuple[int, int]:
    """The pixels 0..size that hold everything from first to last, as (first, past the last)."""
    return max(0, int(np.min(first)) - 1), min(size, int(np.max(last)) + 3)


def smooth_noise(cells: int, shape: tuple[int, int], chance: np.random.Generator) -> Array:
    """Random numbers in -1..1 on a grid of cells, with smooth passages between them."""
    grid = chance.uniform(-1, 1, size=(cells + 1, cells + 1))
    rows, columns = (_cell_and_part(size, cells) for size in shape)
    grid = grid[rows[0]] + rows[1][:, None] * (grid[rows[0] + 1] - grid[rows[0]])
    left = grid[:, columns[0]]
    return left + columns[1] * (grid[:, columns[0] + 1] - left)


def box_distance(x: Array, y: Array, half_width: float, half_height: float) -> Array:
    """Distance to an upright rectangle around the origin (exact inside, a little short at the corners)."""
    return np.maximum(np.abs(x) - half_width, np.abs(y) - half_height)


def rgb(hue: float, saturation: float, value: float) -> Array:
    """A colour (C) of a hue on a circle of length 1."""
    return np.array(colorsys.hsv_to_rgb(hue, saturation, value), dtype=np.float32)


def _cell_and_part(size: int, cells: int) -> tuple[Array, Array]:
    at = np.arange(size) * (cells / size)
    cell = at.astype(int)
    part = at - cell
    return cell, part * part * (3 - 2 * part)
