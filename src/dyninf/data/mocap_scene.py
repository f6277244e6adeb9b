"""The ground and the sky that a figure moves before, seen by a travelling camera.

Legend: T frames, H x W pixels, C = 3 colours; u and v are coordinates on a surface, one unit a repeat.
"""

from __future__ import annotations

import numpy as np

from dyninf.data.mocap_camera import Camera
from dyninf.data.mocap_recipe import SETTINGS, Recipe
from dyninf.data.painting import rgb

Array = np.ndarray

_SIZE = 16  # of the lattice of random numbers, which repeats
_HORIZON = -0.012  # rays flatter than this see the sky


class Scene:
    """Colours and patterns of a recipe's scene; `drawn` shows them, `colour_C` is the ground's mean."""

    def __init__(self, recipe: Recipe, chance: np.random.Generator) -> None:
        self.recipe = recipe
        self.value = float(chance.uniform(0.3, 0.7))
        self.colour_C = rgb(recipe.ground_hue, chance.uniform(0.1, 0.6), self.value)
        sky_hue = SETTINGS.hue.drawn(recipe.split, chance)
        self.low_C, self.high_C = (
            rgb(sky_hue, chance.uniform(0.1, 0.6), chance.uniform(0.3, 0.9)) for _ in "ab"
        )
        self.strength = chance.uniform(0.08, 0.16)
        self.angle = chance.uniform(0, np.pi)
        self.shift_2 = chance.uniform(0, _SIZE, size=2)
        self.lattice = chance.uniform(-1, 1, size=(_SIZE, _SIZE)).astype(np.float32)

    def drawn(self, camera: Camera) -> Array:
        """THWC: ground below the horizon, which fades into the sky's lower colour far away."""
        rays_HW3 = camera.rays_HW3()
        eye_T3 = camera.eye_T3
        drop_HW = np.minimum(rays_HW3[..., 1], _HORIZON)
        reach_THW = (-eye_T3[:, 1, None, None] / drop_HW).astype(np.float32)
        u_THW, v_THW = (
            ((eye_T3[:, i, None, None] + reach_THW * rays_HW3[..., i]) / self.recipe.grain).astype(np.float32)
            for i in (0, 2)
        )
        # The deeper a pixel reaches into the ground, the less of a pattern is left in it.
        blur_THW = reach_THW / camera.focal / np.abs(drop_HW) / self.recipe.grain
        pattern_THW = self._pattern(u_THW, v_THW) * np.exp(-((3 * blur_THW) ** 2))
        far_THW1 = np.clip((reach_THW - 12) / 40, 0, 1)[..., None]
        ground_THWC = self.colour_C + self.strength * pattern_THW[..., None] * (0.5 + self.colour_C)
        ground_THWC += far_THW1 * (self.low_C - ground_THWC)
        below_HW1 = (rays_HW3[..., 1] < _HORIZON)[..., None]
        return np.where(below_HW1, ground_THWC, self._sky(rays_HW3)).astype(np.float32)

    def figure_colour(self, hue: float, chance: np.random.Generator) -> Array:
        """A colour that is well lighter or darker than the ground, as far as the recipe's contrast goes."""
        value = self.value + (0.5 if self.value < 0.5 else -0.4) * chance.uniform(0.7, 1.1)
        colour_C = rgb(hue, chance.uniform(0.3, 0.8), float(np.clip(value, 0.05, 1.0)))
        return self.colour_C + self.recipe.contrast * (colour_C - self.colour_C)

    def _sky(self, rays_HW3: Array) -> Array:
        high_HW1 = np.clip(4 * rays_HW3[..., 1:2], 0, 1)
        aside_HW = np.arctan2(rays_HW3[..., 2], rays_HW3[..., 0])
        pattern_HW = self._pattern(8 * aside_HW, 8 * rays_HW3[..., 1])
        sky_HWC = self.low_C + high_HW1 * (self.high_C - self.low_C)
        return sky_HWC + self.strength * pattern_HW[..., None] * (0.5 + sky_HWC)

    def _pattern(self, u: Array, v: Array) -> Array:
        """-1..1. A little noise is everywhere, or nothing would show that the camera travels."""
        u, v = u + np.float32(self.shift_2[0]), v + np.float32(self.shift_2[1])
        cos, sin = np.float32(np.cos(self.angle)), np.float32(np.sin(self.angle))
        u, v = cos * u + sin * v, cos * v - sin * u
        rough = 0.6 * self._noise(u, v) + 0.4 * self._noise(3 * v, 3 * u)
        turn = np.float32(2 * np.pi)
        match self.recipe.scene:
            case "checker":
                shape = np.clip(6 * np.sin(turn * u) * np.sin(turn * v), -1, 1)
            case "stripes":
                shape = np.clip(3 * np.sin(turn * u), -1, 1)
            case "noise":
                shape = 2 * rough
            case "tiles":
                shape = self.lattice[np.floor(2 * u).astype(int) % _SIZE, np.floor(2 * v).astype(int) % _SIZE]
            case _:
                shape = np.zeros_like(u)
        return 0.75 * shape + 0.5 * rough

    def _noise(self, u: Array, v: Array) -> Array:
        """Smooth passages between the numbers of the lattice, which repeats."""
        column, row = np.floor(u), np.floor(v)
        part_u, part_v = u - column, v - row
        part_u, part_v = part_u * part_u * (3 - 2 * part_u), part_v * part_v * (3 - 2 * part_v)
        left, top = column.astype(np.int32) % _SIZE, row.astype(np.int32) % _SIZE
        right, bottom = (left + 1) % _SIZE, (top + 1) % _SIZE
        numbers = self.lattice.ravel()
        above, below = (
            first + part_u * (numbers.take(line * _SIZE + right) - first)
            for line in (top, bottom)
            for first in (numbers.take(line * _SIZE + left),)
        )
        return above + part_v * (below - above)
