"""A pinhole camera that travels but does not turn.

Legend: T frames, P points, H x W pixels; 3 are x, y (up) and z in metres.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

Array = np.ndarray


@dataclass(frozen=True)
class Camera:
    """Looks at target_T3 from `distance` metres, `azimuth` and `elevation` (radians) around it.

    At azimuth 0 it stands on the x axis and looks against it. `view`: the metres at the target that the
    height of the picture shows.
    """

    target_T3: Array
    distance: float
    azimuth: float
    elevation: float
    view: float
    height: int
    width: int

    @property
    def focal(self) -> float:
        """In pixels."""
        return self.height * self.distance / self.view

    @property
    def back_3(self) -> Array:
        """From the target to the camera, of length 1."""
        level = np.cos(self.elevation)
        return np.array([level * np.cos(self.azimuth), np.sin(self.elevation), level * np.sin(self.azimuth)])

    @property
    def axes_33(self) -> Array:
        """Rows: the picture's right, its up, and back to the camera."""
        back_3 = self.back_3
        right_3 = np.cross([0.0, 1.0, 0.0], back_3)
        right_3 /= np.linalg.norm(right_3)
        return np.stack([right_3, np.cross(back_3, right_3), back_3])

    @property
    def eye_T3(self) -> Array:
        return self.target_T3 + self.distance * self.back_3

    def project(self, point_TP3: Array) -> tuple[Array, Array, Array]:
        """x_TP and y_TP in pixels from the top left corner, and depth_TP, how many metres deep."""
        seen_TP3 = (point_TP3 - self.eye_T3[:, None]) @ self.axes_33.T
        depth_TP = -seen_TP3[..., 2]
        scale_TP = self.focal / np.maximum(depth_TP, 1e-6)
        x_TP = self.width / 2 + scale_TP * seen_TP3[..., 0]
        return x_TP, self.height / 2 - scale_TP * seen_TP3[..., 1], depth_TP

    def rays_HW3(self) -> Array:
        """Directions through the middles of the pixels, one metre deep; the same in all frames."""
        x_W = (np.arange(self.width) + 0.5 - self.width / 2) / self.focal
        y_H = (self.height / 2 - np.arange(self.height) - 0.5) / self.focal
        right_3, up_3, back_3 = self.axes_33
        return x_W[None, :, None] * right_3 + y_H[:, None, None] * up_3 - back_3
