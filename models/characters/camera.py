"""The camera, and where a point of the scene lands in the picture."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sdf import Array


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera in front of the face with a square picture.

    Attributes:
        position: (x, y, z) in the space of `sdf`.
        target: the point in the middle of the picture.
        frame: height of the picture in the plane of the target.
    """

    position: tuple[float, float, float] = (0.0, 11.0, -0.30)
    target: tuple[float, float, float] = (0.0, 0.4, -0.42)
    frame: float = 3.6

    @property
    def distance(self) -> float:
        """From the camera to its target."""
        return float(np.linalg.norm(np.subtract(self.target, self.position)))

    def project(self, points: Array, size: int) -> Array:
        """(n, 2) pixels of (n, 3) points in a picture of `size`; the middle of the top left one is (0, 0)."""
        ahead = np.subtract(self.target, self.position) / self.distance
        right = np.array([1.0, 0.0, 0.0])
        up = np.cross(ahead, right) * np.sign(np.cross(ahead, right)[2])
        offset = points - np.asarray(self.position)
        middle = (size - 1) / 2
        scale = size * self.distance / self.frame / (offset @ ahead)
        return np.stack([middle + offset @ right * scale, middle - offset @ up * scale], 1).astype(np.float32)

    def unproject(self, pixels: Array, depth: Array, size: int) -> Array:
        """(n, 3) points at these depths (their y) that land on (n, 2) pixels of a picture of `size`."""
        ahead = np.subtract(self.target, self.position) / self.distance
        right = np.array([1.0, 0.0, 0.0])
        up = np.cross(ahead, right) * np.sign(np.cross(ahead, right)[2])
        offset = (pixels - (size - 1) / 2) * (self.frame / size / self.distance)
        way = ahead + offset[:, :1] * right - offset[:, 1:] * up
        far = (depth - self.position[1]) / way[:, 1]
        return (np.asarray(self.position) + way * far[:, None]).astype(np.float32)
