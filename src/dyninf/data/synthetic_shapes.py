"""Signed distances to the outlines of shapes and of a stick figure, negative inside.

Distances rather than masks: half a pixel of slope at the outline is all that anti-aliasing takes.
Coordinates are arrays that broadcast to T frames x H x W pixels; x grows to the right, y downwards.
"""

from __future__ import annotations

import numpy as np

from dyninf.data.painting import box_distance

Array = np.ndarray
Point = tuple[Array | float, Array | float]


def shape_distance(name: str, x: Array, y: Array) -> Array:
    """Distance to a shape of radius about 1 around the origin; `name` is one of the scene classes."""
    match name:
        case "ring":
            return np.abs(np.hypot(x, y) - 0.74) - 0.22
        case "triangle":
            return _polygon(x, y, corners=3)
        case "square":
            return box_distance(x, y, 0.78, 0.78)
        case "star":
            return _star(x, y, corners=5, waist=0.4)
        case "cross":
            return np.minimum(box_distance(x, y, 1.0, 0.28), box_distance(x, y, 0.28, 1.0))
        case "crescent":
            return np.maximum(np.hypot(x, y) - 1.0, 0.85 - np.hypot(x - 0.5, y))
    raise ValueError(f"no shape is called {name!r}")


def figure_distance(x: Array, y: Array, crouch: Array, swing: Array) -> Array:
    """Distance to a figure of height 1 that faces us, its feet on the origin.

    crouch: 0 upright, 1 sitting on its heels. swing: -1..1, how far arms and legs swing to the side.
    Both are T11, or numbers.
    """
    hip_y = -0.46 + 0.30 * crouch
    neck_y = hip_y - 0.30
    head_y = neck_y - 0.12
    head = np.hypot(x, y - head_y) - 0.12
    trunk = np.sqrt(_squared_to_line(x, y, (0.0, neck_y), (0.0, hip_y))) - 0.075
    limbs: list[tuple[Point, Point]] = []
    for side in (-1.0, 1.0):
        foot = (side * (0.12 + 0.10 * swing), -0.03)
        knee = (0.5 * foot[0] + side * (0.02 + 0.22 * crouch), 0.5 * hip_y - 0.06 * crouch)
        hand = (side * (0.21 + 0.10 * crouch) + 0.06 * swing, neck_y + 0.27)
        limbs += [((0.0, hip_y), knee), (knee, foot), ((0.0, neck_y + 0.03), hand)]
    squared = _squared_to_line(x, y, *limbs[0])
    for start, end in limbs[1:]:
        np.minimum(squared, _squared_to_line(x, y, start, end), out=squared)
    return np.minimum(np.minimum(head, trunk), np.sqrt(squared) - 0.042)


def _squared_to_line(x: Array, y: Array, start: Point, end: Point) -> Array:
    """Squared distance to the line between two points, which may move with time."""
    along_x, along_y = end[0] - start[0], end[1] - start[1]
    from_x, from_y = x - start[0], y - start[1]
    where = np.clip((from_x * along_x + from_y * along_y) / (along_x**2 + along_y**2), 0.0, 1.0)
    return (from_x - where * along_x) ** 2 + (from_y - where * along_y) ** 2


def _polygon(x: Array, y: Array, corners: int) -> Array:
    sector = 2 * np.pi / corners
    angle = np.mod(np.arctan2(x, -y) + sector / 2, sector) - sector / 2
    # The corner of a sector points at angle 0; its side lies across the sector's edge.
    folded = np.abs(angle) - sector / 2
    return np.hypot(x, y) * np.cos(folded) - np.cos(sector / 2)


def _star(x: Array, y: Array, corners: int, waist: float) -> Array:
    sector = 2 * np.pi / corners
    angle = np.abs(np.mod(np.arctan2(x, -y) + sector / 2, sector) - sector / 2)
    radius = np.hypot(x, y)
    # One side runs from the tip (1, 0) to the inner corner; its normal points outwards.
    inner_x, inner_y = waist * np.cos(sector / 2), waist * np.sin(sector / 2)
    length = np.hypot(1 - inner_x, inner_y)
    normal_x, normal_y = inner_y / length, (1 - inner_x) / length
    return (radius * np.cos(angle) - 1) * normal_x + radius * np.sin(angle) * normal_y
