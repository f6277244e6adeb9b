"""Unit quaternions as arrays whose last axis is w, x, y, z; leading axes broadcast."""

from __future__ import annotations

import numpy as np

Array = np.ndarray


def normalised(q_4: Array) -> Array:
    """The same rotations with length 1."""
    return q_4 / np.linalg.norm(q_4, axis=-1, keepdims=True)


def about(axis: tuple[float, float, float], angle: Array) -> Array:
    """The rotation by an angle, in radians, about a unit axis."""
    half = np.asarray(angle)[..., None] / 2
    return np.concatenate([np.cos(half), np.sin(half) * np.array(axis)], axis=-1)


def product(p_4: Array, q_4: Array) -> Array:
    """The rotation q followed by the rotation p."""
    p0, p_3 = p_4[..., :1], p_4[..., 1:]
    q0, q_3 = q_4[..., :1], q_4[..., 1:]
    scalar = p0 * q0 - (p_3 * q_3).sum(axis=-1, keepdims=True)
    return np.concatenate([scalar, p0 * q_3 + q0 * p_3 + np.cross(p_3, q_3)], axis=-1)


def rotated(q_4: Array, vector_3: Array) -> Array:
    """The vector, turned by the rotation."""
    q_3 = q_4[..., 1:]
    across_3 = 2 * np.cross(q_3, vector_3)
    return vector_3 + q_4[..., :1] * across_3 + np.cross(q_3, across_3)


def slerp(p_4: Array, q_4: Array, part: Array) -> Array:
    """From p (part 0) to q (part 1) at even speed, the short way round."""
    part = np.asarray(part)[..., None]
    cos = (p_4 * q_4).sum(axis=-1, keepdims=True)
    q_4 = np.where(cos < 0, -q_4, q_4)
    angle = np.arccos(np.clip(np.abs(cos), 0, 1))
    sin = np.sin(angle)
    near = sin < 1e-6  # a straight line is as good, and does not divide by nothing
    safe = np.where(near, 1, sin)
    from_p = np.where(near, 1 - part, np.sin((1 - part) * angle) / safe)
    from_q = np.where(near, part, np.sin(part * angle) / safe)
    return normalised(from_p * p_4 + from_q * q_4)
