"""Drawing capsules with a depth for every pixel, so that what is in front hides what is behind.

Legend: T frames, P capsules, N fragments (a pixel of a frame that a capsule covers), H x W pixels,
C = 3 colours, A = 4 for colours and cover.
"""

from __future__ import annotations

import numpy as np

from dyninf.data.mocap_camera import Camera

Array = np.ndarray

_FINE = 2  # fine pixels along a side of a pixel: smooth outlines
_NEAR = 0.2  # metres; nothing that is nearer to the camera is drawn


def draw_capsules(
    camera: Camera, start_TP3: Array, end_TP3: Array, radius_P: Array, colour_PC: Array, light_3: Array
) -> Array:
    """Shaded capsules as colour_THWA: colours that are multiplied by the cover (0..1), and the cover.

    light_3: to the light, of length 1, along the picture's right, its up and back to the camera.
    """
    time_N, capsule_N, x_N, y_N = _boxes(camera, start_TP3, end_TP3, radius_P)
    start_x_TP, start_y_TP, start_depth_TP = camera.project(start_TP3)
    end_x_TP, end_y_TP, end_depth_TP = camera.project(end_TP3)
    at = (time_N, capsule_N)
    from_x_N, from_y_N = (x_N + 0.5) / _FINE - start_x_TP[at], (y_N + 0.5) / _FINE - start_y_TP[at]
    along_x_N, along_y_N = (end_x_TP - start_x_TP)[at], (end_y_TP - start_y_TP)[at]
    length_N = np.maximum(along_x_N**2 + along_y_N**2, 1e-9)
    where_N = np.clip((from_x_N * along_x_N + from_y_N * along_y_N) / length_N, 0, 1)
    depth_N = start_depth_TP[at] + where_N * (end_depth_TP - start_depth_TP)[at]
    wide_N = radius_P[capsule_N] * camera.focal / depth_N
    # The surface's normal: over the middle line it points at the camera, at the outline to the side.
    right_N = (from_x_N - where_N * along_x_N) / wide_N
    up_N = -(from_y_N - where_N * along_y_N) / wide_N
    back_N = 1 - right_N**2 - up_N**2
    seen_N = back_N > 0
    right_N, up_N, back_N = right_N[seen_N], up_N[seen_N], np.sqrt(back_N[seen_N])
    depth_N = depth_N[seen_N] - radius_P[capsule_N[seen_N]] * back_N
    bright_N = right_N * light_3[0] + up_N * light_3[1] + back_N * light_3[2]
    shade_N = 0.45 + 0.55 * np.clip(bright_N, 0, 1)

    fine_THWA = np.zeros((len(start_TP3), camera.height * _FINE, camera.width * _FINE, 4), dtype=np.float32)
    pixel_N = np.ravel_multi_index((time_N[seen_N], y_N[seen_N], x_N[seen_N]), fine_THWA.shape[:3])
    order_N = np.lexsort((depth_N, pixel_N))
    pixel_N = pixel_N[order_N]
    nearest_N = np.ones(len(pixel_N), dtype=bool)
    nearest_N[1:] = pixel_N[1:] != pixel_N[:-1]
    order_N, pixel_N = order_N[nearest_N], pixel_N[nearest_N]
    flat = fine_THWA.reshape(-1, 4)
    flat[pixel_N, :3] = colour_PC[capsule_N[seen_N][order_N]] * shade_N[order_N, None]
    flat[pixel_N, 3] = 1
    corners = [fine_THWA[:, y::_FINE, x::_FINE] for y in range(_FINE) for x in range(_FINE)]
    return sum(corners[1:], start=corners[0]) / np.float32(_FINE**2)


def _boxes(
    camera: Camera, start_TP3: Array, end_TP3: Array, radius_P: Array
) -> tuple[Array, Array, Array, Array]:
    """Frame, capsule, x and y of the fine pixels in the boxes around the capsules, inside the picture."""
    ends = [camera.project(point_TP3) for point_TP3 in (start_TP3, end_TP3)]
    nearest_TP = np.minimum(ends[0][2], ends[1][2])
    wide_TP = radius_P * camera.focal / np.maximum(nearest_TP, _NEAR)
    (left_TP, right_TP), (top_TP, bottom_TP) = (
        (
            np.clip(np.floor(_FINE * (np.minimum(a, b) - wide_TP)), 0, _FINE * size).astype(int),
            np.clip(np.ceil(_FINE * (np.maximum(a, b) + wide_TP)), 0, _FINE * size).astype(int),
        )
        for a, b, size in (
            (ends[0][0], ends[1][0], camera.width),
            (ends[0][1], ends[1][1], camera.height),
        )
    )
    columns_TP = np.where(nearest_TP > _NEAR, right_TP - left_TP, 0)
    count_TP = columns_TP * (bottom_TP - top_TP)
    box_N = np.repeat(np.arange(count_TP.size), count_TP.ravel())
    first = np.cumsum(count_TP.ravel()) - count_TP.ravel()
    within_N = np.arange(len(box_N)) - first[box_N]
    time_N, capsule_N = np.unravel_index(box_N, count_TP.shape)
    row_N, column_N = np.divmod(within_N, columns_TP.ravel()[box_N])
    return time_N, capsule_N, left_TP.ravel()[box_N] + column_N, top_TP.ravel()[box_N] + row_N
