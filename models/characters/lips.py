"""Lips at rest: two elliptical rolls along parametric curves, a seam between them, a faint smile."""

from __future__ import annotations

import numpy as np
from character import LipShape
from head import MOUTH, Head
from sdf import Array, bell, difference, front, smoothstep, union

DEPTH = 0.072
"""Half the depth of a lip's roll."""

GROOVE_DEPTH = 0.10
"""How far behind the front of the face the seam reaches."""


class Lips:
    """The rolls, fitted to the front of the face."""

    def __init__(self, shape: LipShape, head: Head) -> None:
        self.shape = shape
        self._x = np.linspace(0, 0.45, 46, dtype=np.float32)
        depth = front(head.bare, self._x, np.full_like(self._x, MOUTH))
        self._front = np.convolve(np.pad(depth, 4, "edge"), np.ones(9) / 9, "valid")

    def edges(self, x: Array) -> tuple[Array, Array, Array]:
        """Heights of the upper lip's top, the seam and the lower lip's bottom at `x` >= 0."""
        u = np.clip(x / self.shape.half_width, 0, 1)
        seam = MOUTH + self.shape.smile * u**2.2 - 0.004 * bell(u, 0.25)
        bow = 1 + self.shape.bow * (0.14 * bell(u - 0.25, 0.17) - 0.20 * bell(u, 0.12))
        upper = self.shape.upper * (1 - u**1.8) ** 0.8 * bow + 0.004
        lower = self.shape.lower * (1 - u**2.2) ** 0.72 + 0.004
        return seam + upper, seam, seam - lower

    def depth(self, x: Array) -> Array:
        """The y of the face behind the lips at `x` >= 0."""
        return np.interp(x, self._x, self._front).astype(np.float32)

    def rolls(self, points: Array) -> tuple[Array, Array]:
        """Distances to the upper and the lower roll; `points` with x >= 0."""
        top, seam, bottom = self.edges(points[:, 0])
        return self._roll(points, seam, top, 0.034), self._roll(points, bottom, seam, 0.036)

    def add(self, head: Array, points: Array) -> Array:
        """The head with lips and the seam between them; `points` with x >= 0."""
        upper, lower = self.rolls(points)
        d = np.minimum(union(head, upper, 0.030), union(head, lower, 0.030))
        return difference(d, self._groove(points), 0.016)

    def redness(self, points: Array) -> tuple[Array, Array]:
        """(n,) 0..1 twice: belonging to the vermilion, and to the dark seam; `points` with x >= 0."""
        x, y, z = points.T
        _, seam, _ = self.edges(x)
        distance = np.minimum(*self.rolls(points))
        inside = smoothstep(self.shape.half_width + 0.008, self.shape.half_width - 0.018, x) * (y > 0.3)
        line = (
            bell(z - seam, 0.010)
            * smoothstep(self.shape.half_width + 0.012, self.shape.half_width - 0.03, x)
            * (y > 0.3)
        )
        return smoothstep(0.016, -0.006, distance) * inside, line

    def _roll(self, points: Array, low: Array, high: Array, forward: float) -> Array:
        x, y, z = points.T
        u = np.clip(x / self.shape.half_width, 0, 1)
        depth = DEPTH * np.sqrt(1 - 0.985 * u**2) + 0.008
        height = np.maximum((high - low) / 2, 0.006) * 1.12
        centre = self.depth(x) - depth + forward * np.sqrt(1 - 0.985 * u**2) - 0.010 * u**6
        beyond = np.maximum(x - self.shape.half_width, 0) / 0.02
        k = np.sqrt(((y - centre) / depth) ** 2 + ((z - (low + high) / 2) / height) ** 2 + beyond**2)
        return (k - 1) * np.minimum(height, depth) * 0.9

    def _groove(self, points: Array) -> Array:
        """A sheet that just fails to cut: smooth subtraction leaves a shallow groove along the seam."""
        x, y, z = points.T
        _, seam, _ = self.edges(x)
        behind = (self.depth(x) - GROOVE_DEPTH) - y
        return np.maximum(np.abs(z - seam) + 0.005, np.maximum(x - self.shape.half_width + 0.004, behind))
