"""What is in front hides what is behind, and nothing outside the picture does any harm."""

import numpy as np
import pytest

from dyninf.data.mocap_camera import Camera
from dyninf.data.mocap_capsules import draw_capsules

RED, BLUE = np.array([1.0, 0.0, 0.0]), np.array([0.0, 0.0, 1.0])
TO_THE_CAMERA = np.array([0.0, 0.0, 1.0])
CAMERA = Camera(
    np.zeros((1, 3)), distance=5.0, azimuth=0.0, elevation=0.0, view=2.0, height=40, width=60
)  # on the x axis: to the right is -z


def drawn(starts, ends, radii, colours, camera=CAMERA):
    start_TP3, end_TP3 = (np.array(points, dtype=float)[None] for points in (starts, ends))
    return draw_capsules(camera, start_TP3, end_TP3, np.array(radii), np.array(colours), TO_THE_CAMERA)[0]


def test_the_target_is_in_the_middle_and_up_is_up():
    points_TP3 = np.array([[[0, 0, 0], [0, 1, 0], [0, 0, -1], [1, 0, 0]]], dtype=float)
    x_TP, y_TP, depth_TP = CAMERA.project(points_TP3)
    assert np.allclose(x_TP, [[30, 30, 50, 30]])
    assert np.allclose(y_TP, [[20, 0, 20, 20]])
    assert np.allclose(depth_TP, [[5, 5, 5, 4]])


@pytest.mark.parametrize("azimuth", [0.0, 1.0, 4.0])
@pytest.mark.parametrize("elevation", [0.1, 0.6])
def test_a_ray_goes_through_the_pixel_that_shows_its_points(azimuth, elevation):
    camera = Camera(np.array([[1.0, 2.0, 3.0]]), 4.0, azimuth, elevation, 2.5, 8, 10)
    points_TP3 = camera.eye_T3[:, None] + 3.7 * camera.rays_HW3().reshape(1, -1, 3)
    x_TP, y_TP, depth_TP = camera.project(points_TP3)
    y_HW, x_HW = np.mgrid[:8, :10] + 0.5
    assert np.allclose(x_TP, x_HW.ravel())
    assert np.allclose(y_TP, y_HW.ravel())
    assert np.allclose(depth_TP, 3.7)


@pytest.mark.parametrize("first", [0, 1])
def test_a_limb_in_front_hides_one_behind(first):
    near, far = ([1.0, -0.5, 0.0], [1.0, 0.5, 0.0]), ([-1.0, 0.0, -0.8], [-1.0, 0.0, 0.8])
    limbs = [(*near, 0.1, RED), (*far, 0.1, BLUE)]
    starts, ends, radii, colours = zip(*(limbs[first], limbs[1 - first]), strict=True)
    picture_HWA = drawn(starts, ends, radii, colours)
    red_HW, blue_HW = picture_HWA[..., 0] > 0.1, picture_HWA[..., 2] > 0.1
    assert red_HW[20, 30]
    assert not blue_HW[20, 30]
    assert blue_HW[20, [20, 40]].all()
    assert red_HW[[12, 28], 30].all()


def test_limbs_that_cross_hide_each_other_where_they_are_nearer():
    starts, ends = [[1.0, 0.0, -0.8], [-1.0, 0.05, -0.8]], [[-1.0, 0.0, 0.8], [1.0, 0.05, 0.8]]
    picture_HWA = drawn(starts, ends, [0.2, 0.2], [RED, BLUE])
    assert picture_HWA[20, 40, 0] > 0.5 > picture_HWA[20, 40, 2]
    assert picture_HWA[20, 20, 2] > 0.5 > picture_HWA[20, 20, 0]


def test_a_ball_covers_its_disc_and_is_brightest_in_the_middle():
    picture_HWA = drawn([[0, 0, 0]], [[0, 0, 0]], [0.5], [RED])
    assert picture_HWA[..., 3].sum() == pytest.approx(np.pi * 10**2, rel=0.03)
    assert picture_HWA[20, 30, 0] > picture_HWA[20, 22, 0] > 0
    assert set(np.unique(picture_HWA[..., 3])) <= {0, 0.25, 0.5, 0.75, 1}
    assert (picture_HWA[..., :3] <= picture_HWA[..., 3:]).all()


@pytest.mark.parametrize(
    "start, end",
    [
        ([0, 9, 0], [0, 12, 0]),
        ([0, 0, 50], [0, 0, 60]),
        ([9, 0, 0], [12, 0, 0]),  # behind the camera
        ([4.9, 0, 0], [9, 0, 0]),
        ([5, 0, 0], [5, 0, 0]),  # in the camera
    ],
)
def test_nothing_outside_the_picture_is_drawn_or_does_harm(start, end):
    assert not drawn([start], [end], [0.1], [RED]).any()


def test_what_is_partly_outside_is_drawn_as_far_as_it_is_inside():
    picture_HWA = drawn([[0, 0, 0]], [[0, 9, 0]], [0.2], [RED])
    assert (picture_HWA[:20, 28:32, 3] == 1).all()
    assert not picture_HWA[26:].any()
