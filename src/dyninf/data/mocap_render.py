"""Drawing a motion-capture clip with numpy: scene, shadow, distractors, figure, bars in front, noise.

Legend: T frames, H x W pixels, C = 3 colours, A = 4 for colours and cover, P capsules.
"""

from __future__ import annotations

import numpy as np

from dyninf.data.mocap_camera import Camera
from dyninf.data.mocap_capsules import draw_capsules
from dyninf.data.mocap_motions import Motion, load
from dyninf.data.mocap_recipe import SETTINGS, Recipe
from dyninf.data.mocap_scene import Scene
from dyninf.data.mocap_skeleton import CAPSULES
from dyninf.data.painting import finished, paint_bar, paint_distractor, rgb

Array = np.ndarray

_SHADOW = 0.35  # of the ground's light that a figure takes
_LOOK_AT = 0.85  # metres above the ground


def render(recipe: Recipe) -> Array:
    """Draw a clip: uint8 THWC, bit for bit the same for the same recipe on the same machine.

    Raises:
        ValueError: the motions are not there (`mocap_motions.load`).
    """
    chance = np.random.default_rng(recipe.drawing_seed)
    start_TP3, end_TP3, radius_P = posed(recipe, load()[recipe.motion])
    camera = following(recipe, (start_TP3[:, 0] + end_TP3[:, 0]) / 2, chance)
    scene = Scene(recipe, chance)
    canvas_THWC = scene.drawn(camera)
    time_T11 = np.linspace(0, 1, SETTINGS.frames, dtype=np.float32)[:, None, None]
    colour_PC = _colours(recipe, scene, chance)
    light_3 = _light(chance)

    flat_3 = np.array([1.0, 0.0, 1.0])
    shadow_THWA = draw_capsules(camera, start_TP3 * flat_3, end_TP3 * flat_3, radius_P, colour_PC, light_3)
    canvas_THWC *= 1 - _SHADOW * shadow_THWA[..., 3:]
    for _ in range(recipe.clutter):
        paint_distractor(canvas_THWC, time_T11, _any_colour(recipe, chance), chance)
    figure_THWA = draw_capsules(camera, start_TP3, end_TP3, radius_P, colour_PC, light_3)
    canvas_THWC *= 1 - figure_THWA[..., 3:]
    canvas_THWC += figure_THWA[..., :3]
    for _ in range(round(3 * recipe.occlusion)):
        paint_bar(canvas_THWC, time_T11, _any_colour(recipe, chance), recipe.occlusion, chance)
    return finished(canvas_THWC, recipe.noise, recipe.backwards, chance)


def posed(recipe: Recipe, motion: Motion) -> tuple[Array, Array, Array]:
    """start_TP3, end_TP3 and radius_P of the body's capsules, at the moments that the clip shows."""
    start = recipe.phase * (motion.seconds if motion.loops else motion.seconds - recipe.seconds)
    # A motion that is shorter than the clip starts late: it holds its first pose before, its last one after.
    return recipe.body.capsules(*motion.at(start + np.linspace(0, recipe.seconds, SETTINGS.frames)))


def following(recipe: Recipe, middle_T3: Array, chance: np.random.Generator) -> Camera:
    """A camera that goes a figure's way, straight and evenly, but for `recipe.travel` metres of it."""
    level_T3 = middle_T3 * np.array([1.0, 0.0, 1.0])
    way_3 = level_T3[-1] - level_T3[0]
    length = float(np.linalg.norm(way_3))
    followed = max(0.0, 1 - recipe.travel / max(length, 1e-6))
    along_T1 = np.linspace(-0.5, 0.5, len(middle_T3))[:, None]
    aside_3 = chance.uniform(-0.1, 0.1, size=3)
    middle_3 = (level_T3.min(axis=0) + level_T3.max(axis=0)) / 2
    return Camera(
        target_T3=middle_3 + aside_3 + np.array([0.0, _LOOK_AT, 0.0]) + followed * along_T1 * way_3,
        distance=recipe.distance,
        azimuth=float(np.radians(recipe.azimuth)),
        elevation=float(np.radians(recipe.elevation)),
        view=recipe.size,
        height=SETTINGS.height,
        width=SETTINGS.width,
    )


def _colours(recipe: Recipe, scene: Scene, chance: np.random.Generator) -> Array:
    hues = {
        "shirt": recipe.figure_hue,
        "trousers": SETTINGS.hue.drawn(recipe.split, chance),
        "shoes": SETTINGS.hue.drawn(recipe.split, chance),
        "skin": chance.uniform(0.03, 0.11),
    }
    colours = {part: scene.figure_colour(hue, chance) for part, hue in hues.items()}
    return np.stack([colours[capsule.part] for capsule in CAPSULES])


def _light(chance: np.random.Generator) -> Array:
    """From above, from either side, a little from the camera."""
    light_3 = np.array([chance.uniform(-0.7, 0.7), 1.0, chance.uniform(0.5, 1.0)])
    return light_3 / np.linalg.norm(light_3)


def _any_colour(recipe: Recipe, chance: np.random.Generator) -> Array:
    hue = SETTINGS.hue.drawn(recipe.split, chance)
    return rgb(hue, chance.uniform(0.2, 0.8), chance.uniform(0.2, 0.9))
