"""From joint rotations to a body of capsules.

The skeleton is that of `pybullet_data/humanoid/humanoid.urdf` (DeepMimic's humanoid), whose lengths are given
there four times too large. At rest it stands upright with its arms down, facing x; y is up, z its right.

Legend: T moments, J joints, P capsules.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from dyninf.data.quaternions import product, rotated

Array = np.ndarray

# Joint: its parent, its place in the parent's frame, and the body's scale of that length.
_SKELETON: dict[str, tuple[str, tuple[float, float, float], str]] = {
    "root": ("", (0.0, 0.0, 0.0), "trunk"),
    "chest": ("root", (0.0, 0.236151, 0.0), "trunk"),
    "neck": ("chest", (0.0, 0.223894, 0.0), "trunk"),
    "right_hip": ("root", (0.0, 0.0, 0.084887), "trunk"),
    "right_knee": ("right_hip", (0.0, -0.421546, 0.0), "leg"),
    "right_ankle": ("right_knee", (0.0, -0.409870, 0.0), "leg"),
    "right_shoulder": ("chest", (-0.024050, 0.243500, 0.183110), "trunk"),
    "right_elbow": ("right_shoulder", (0.0, -0.274788, 0.0), "arm"),
    "left_hip": ("root", (0.0, 0.0, -0.084887), "trunk"),
    "left_knee": ("left_hip", (0.0, -0.421546, 0.0), "leg"),
    "left_ankle": ("left_knee", (0.0, -0.409870, 0.0), "leg"),
    "left_shoulder": ("chest", (-0.024050, 0.243500, -0.183110), "trunk"),
    "left_elbow": ("left_shoulder", (0.0, -0.274788, 0.0), "arm"),
}
JOINTS = tuple(_SKELETON)
"""In the order in which a frame of a motion has their rotations."""
HINGES = frozenset({"right_knee", "right_elbow", "left_knee", "left_elbow"})

# Points that turn with a joint: where they are in its frame.
_ENDS: dict[str, tuple[str, tuple[float, float, float], str]] = {
    "head": ("neck", (0.0, 0.175, 0.0), "trunk"),
    **{
        f"{side}_{end}": (f"{side}_{joint}", at, scale)
        for side in ("right", "left")
        for end, joint, at, scale in (
            ("wrist", "elbow", (0.0, -0.258947, 0.0), "arm"),
            ("heel", "ankle", (-0.03, -0.02, 0.0), "leg"),
            ("toe", "ankle", (0.12, -0.02, 0.0), "leg"),
        )
    },
}


@dataclass(frozen=True)
class Capsule:
    """Everything nearer than `radius` (metres) to the line between two points. part: what colour it has."""

    start: str
    end: str
    radius: float
    part: str


def _both(start: str, end: str, radius: float, part: str) -> tuple[Capsule, Capsule]:
    return tuple(Capsule(f"{s}_{start}", f"{s}_{end}", radius, part) for s in ("right", "left"))  # type: ignore[return-value]


CAPSULES = (
    Capsule("root", "chest", 0.115, "shirt"),
    Capsule("chest", "neck", 0.12, "shirt"),
    Capsule("right_shoulder", "left_shoulder", 0.065, "shirt"),
    Capsule("right_hip", "left_hip", 0.085, "trousers"),
    Capsule("neck", "head", 0.055, "skin"),
    Capsule("head", "head", 0.105, "skin"),
    *_both("hip", "knee", 0.07, "trousers"),
    *_both("knee", "ankle", 0.052, "trousers"),
    *_both("heel", "toe", 0.04, "shoes"),
    *_both("shoulder", "elbow", 0.05, "shirt"),
    *_both("elbow", "wrist", 0.04, "skin"),
    *_both("wrist", "wrist", 0.048, "skin"),
)


@dataclass(frozen=True)
class Body:
    """How a body differs from the skeleton: factors of its lengths, and `girth` of all that is thick."""

    leg: float = 1.0
    arm: float = 1.0
    trunk: float = 1.0
    girth: float = 1.0

    def points(self, root_T3: Array, rotation_TJ4: Array) -> dict[str, Array]:
        """Where joints and ends are (T3 each); the path of the root grows with the legs."""
        turned: dict[str, Array] = {}
        points: dict[str, Array] = {}
        for j, (joint, (parent, offset, scale)) in enumerate(_SKELETON.items()):
            if not parent:
                turned[joint], points[joint] = rotation_TJ4[:, j], root_T3 * self.leg
                continue
            points[joint] = points[parent] + rotated(turned[parent], self._scaled(offset, scale))
            turned[joint] = product(turned[parent], rotation_TJ4[:, j])
        for end, (joint, offset, scale) in _ENDS.items():
            points[end] = points[joint] + rotated(turned[joint], self._scaled(offset, scale))
        return points

    def capsules(self, root_T3: Array, rotation_TJ4: Array) -> tuple[Array, Array, Array]:
        """start_TP3, end_TP3 and radius_P of `CAPSULES`; the lowest moment touches the ground (y = 0)."""
        points = self.points(root_T3, rotation_TJ4)
        start_TP3 = np.stack([points[capsule.start] for capsule in CAPSULES], axis=1)
        end_TP3 = np.stack([points[capsule.end] for capsule in CAPSULES], axis=1)
        radius_P = np.array([capsule.radius for capsule in CAPSULES]) * self.girth
        lowest = (np.minimum(start_TP3[..., 1], end_TP3[..., 1]) - radius_P).min()
        lift_3 = np.array([0.0, lowest, 0.0])
        return start_TP3 - lift_3, end_TP3 - lift_3, radius_P

    def _scaled(self, offset: tuple[float, float, float], scale: str) -> Array:
        return np.array(offset) * getattr(self, scale)
