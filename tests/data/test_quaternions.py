"""Rotations agree with matrices."""

import numpy as np
import pytest

from dyninf.data.quaternions import about, product, rotated, slerp


def matrix(axis: np.ndarray, angle: float) -> np.ndarray:
    """Rodrigues' formula."""
    x, y, z = axis
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross


@pytest.fixture
def two_rotations() -> list[tuple[np.ndarray, np.ndarray]]:
    """Each as a quaternion and as a matrix."""
    chance = np.random.default_rng(0)
    axes = [axis / np.linalg.norm(axis) for axis in chance.standard_normal((2, 3))]
    return [
        (about(tuple(axis), angle), matrix(axis, angle))
        for axis, angle in zip(axes, (0.7, -2.1), strict=True)
    ]


def test_a_vector_turns_as_the_matrix_turns_it(two_rotations):
    vector_N3 = np.random.default_rng(1).standard_normal((5, 3))
    for q_4, turn_33 in two_rotations:
        assert np.allclose(rotated(q_4, vector_N3), vector_N3 @ turn_33.T)


def test_a_product_turns_by_the_second_first(two_rotations):
    (p_4, p_33), (q_4, q_33) = two_rotations
    assert np.allclose(rotated(product(p_4, q_4), np.eye(3)), (p_33 @ q_33).T)


def test_slerp_turns_at_even_speed_the_short_way():
    angle_T = np.linspace(0.3, 1.5, 7)
    start_4, end_4 = about((0.0, 0.0, 1.0), 0.3), about((0.0, 0.0, 1.0), 1.5)
    for sign in (1, -1):
        between_T4 = slerp(start_4, sign * end_4, np.linspace(0, 1, 7))
        assert np.allclose(between_T4, about((0.0, 0.0, 1.0), angle_T))


def test_slerp_between_equals_stays_there():
    q_4 = about((0.0, 1.0, 0.0), 0.4)
    assert np.allclose(slerp(q_4, q_4, np.array([0.0, 0.3, 1.0])), q_4)
    assert np.allclose(slerp(q_4, -q_4, np.array([0.5])), q_4)
