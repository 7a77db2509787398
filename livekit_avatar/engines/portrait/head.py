"""Where a head is in its picture and how it is turned: pixels <-> the head's own coordinates.

The unit of the whole engine is the inter-ocular distance, between the iris centres, in three dimensions (a
turned head keeps it). The origin is the middle between the corners of the mouth. Axes: x to the viewer's
right, y down, z away from the viewer, all in the frame of the head looking straight at the camera.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from livekit_avatar.engines.portrait import topology as mesh

Reals = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """Frame of reference of one head.

    Attributes:
        points: (478, 3) landmarks in pixels; z as the mesh gives it, in pixels, away from the viewer.
        origin: (3,) middle between the corners of the mouth, in pixels.
        unit: inter-ocular distance in pixels.
        axes: (3, 3) rows x, y, z of the head as unit vectors of the picture.
        upright: (2, 2) rows x, y of the picture plane turned upright with the head's lean.
    """

    points: Reals
    origin: Reals
    unit: float
    axes: Reals
    upright: Reals

    @classmethod
    def of(cls, points: npt.ArrayLike) -> Head:
        """The frame of (478, 3) landmarks in pixels."""
        p = np.asarray(points, np.float64)
        axes = _axes(p)
        unit = float(np.linalg.norm(p[mesh.LEFT_IRIS[0]] - p[mesh.RIGHT_IRIS[0]]))
        return cls(p, (p[mesh.RIGHT_MOUTH] + p[mesh.LEFT_MOUTH]) / 2, unit, axes, _upright(axes))

    def canonical(self, points: npt.ArrayLike) -> Reals:
        """(n, 3) pixels -> (n, 3) in the frame of the head looking straight at the camera."""
        canonical: Reals = (np.asarray(points, np.float64) - self.origin) @ self.axes.T / self.unit
        return canonical

    def projected(self, vectors: Reals) -> Reals:
        """(..., 3) displacements in the head's frame -> (..., 2) pixels in the picture."""
        pixels: Reals = (vectors @ self.axes)[..., :2] * self.unit
        return pixels

    def plane(self, points: npt.ArrayLike) -> Reals:
        """(..., 2 or more) pixels -> (..., 2) in the picture plane, upright, in units from the origin."""
        q = np.asarray(points, np.float64)[..., :2]
        plane: Reals = (q - self.origin[:2]) @ self.upright.T / self.unit
        return plane


def _axes(p: Reals) -> Reals:
    across = sum(
        _direction(p[b] - p[a])
        for a, b in (
            (mesh.RIGHT_EYE_OUTER, mesh.LEFT_EYE_OUTER),
            (mesh.RIGHT_CHEEK, mesh.LEFT_CHEEK),
            (mesh.RIGHT_MOUTH, mesh.LEFT_MOUTH),
        )
    )
    x = _direction(np.asarray(across))
    down = p[mesh.CHIN] - p[mesh.FOREHEAD]
    y = _direction(down - (down @ x) * x)
    return np.stack([x, y, np.cross(x, y)])


def _direction(vector: Reals) -> Reals:
    unit: Reals = vector / np.linalg.norm(vector)
    return unit


def _upright(axes: Reals) -> Reals:
    """Rotation by the mean lean of the two axes that the picture shows."""
    lean = (np.arctan2(axes[0, 1], axes[0, 0]) + np.arctan2(-axes[1, 0], axes[1, 1])) / 2
    c, s = np.cos(lean), np.sin(lean)
    return np.array([[c, s], [-s, c]])
