"""A knitted top with a collar, from a crew neck to a turtleneck."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from character import Colour
from sdf import Array, capsule, difference, ellipsoid, mirrored, smoothstep, union, vector

RAISE = 0.37
"""The sweater is modelled around shoulders this much lower, then lifted."""


@dataclass(frozen=True, slots=True)
class Sweater:
    """A top.

    Attributes:
        tint: its colour.
        stripe: a second colour, in bands; None for none.
        collar: radius of the collar.
        height: half the height of the collar.
        roll: thickness of the collar.
        shoulders: width of the shoulders, a factor.
        knit: fineness of the stitches.
        sheen: of its fibres, 0..1.
    """

    tint: Colour
    stripe: Colour | None = None
    collar: float = 0.405
    height: float = 0.050
    roll: float = 0.040
    shoulders: float = 1.0
    knit: float = 34.0
    sheen: float = 0.35

    def solid(self, points: Array) -> Array:
        """Distance to the top."""
        lowered = mirrored(points - vector((0, 0, RAISE)))
        around = np.hypot(lowered[:, 0] / 1.06, (lowered[:, 1] + 0.37) / 0.98)
        hole = np.maximum(around - (self.collar - 0.02), -(lowered[:, 2] + 1.74))
        narrow = lowered / vector((self.shoulders, 1, 1))
        body = difference(_body(narrow), hole, 0.03)
        return union(body, self._collar(lowered, around), 0.018)

    def tints(self, points: Array) -> Array:
        """(n, 3) the colour at points of the top."""
        tints = np.repeat(vector(self.tint)[None], len(points), 0)
        if self.stripe is None:
            return tints
        band = np.sin((points[:, 2] + 0.04 * np.abs(points[:, 0])) * 27.0)
        below = smoothstep(-1.36, -1.40, points[:, 2])
        weight = smoothstep(-0.1, 0.1, band - 0.35) * below
        return tints + (vector(self.stripe) - tints) * weight[:, None]

    def _collar(self, half: Array, around: Array) -> Array:
        x, y, z = half.T
        height = z + 1.71 - self.height + 0.17 * smoothstep(-0.5, 0.35, y)
        ribs = 0.0045 * np.cos(np.arctan2(y + 0.37, x) * 84)
        across = around - self.collar + 0.15 * height
        return np.hypot(across, np.maximum(np.abs(height) - self.height, 0)) - self.roll + ribs


def _body(half: Array) -> Array:
    x, y, z = half.T
    d = capsule(half, (0.12, -0.40, -2.02), (0.72, -0.42, -2.17), 0.28, 0.26)
    d = union(d, ellipsoid(half, (0, -0.36, -2.80), (0.80, 0.48, 1.0)), 0.20)
    d = union(d, capsule(half, (0.79, -0.42, -2.26), (0.95, -0.34, -3.3), 0.24, 0.22), 0.06)
    d = union(d, capsule(half, (0.10, -0.42, -1.72), (0.62, -0.44, -2.02), 0.22, 0.20), 0.20)
    d = union(d, ellipsoid(half, (0, -0.30, -2.14), (0.60, 0.44, 0.42)), 0.22)
    folds = 0.010 * np.sin(9 * z + 7 * x + 3 * y) * smoothstep(0.5, 1.0, x)
    return d - 0.03 - folds - 0.006 * np.sin(14 * x - 9 * z) * smoothstep(0.3, 0.9, x)
