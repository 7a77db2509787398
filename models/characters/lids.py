"""Eyelids: a shell around the eyeball, opened along two curves; a blink moves one of them.

Local coordinates: origin in the eyeball's centre, x from the nose outwards, in sizes of the eye.
"""

from __future__ import annotations

import numpy as np
from character import EyeShape
from sdf import Array, bell, difference, ellipsoid, length, smoothstep, union, vector

RADIUS = 0.250
"""Of an eyeball of size 1."""

LID = 0.030
"""Thickness of a lid."""

INNER, OUTER = -0.196, 0.212
"""The corners of the eye."""

CLOSING = 0.008
"""How far below the open lower lid's edge the closed lids meet: the upper one pushes the lower one down."""

FRONT = 0.540
"""How far forward an eyeball reaches: larger eyes sit deeper."""


class Lids:
    """The lids of both eyes; arguments called `points` have x >= 0."""

    def __init__(self, shape: EyeShape) -> None:
        self.shape = shape
        self.centre = vector((shape.apart, FRONT - RADIUS * shape.size, 0.0))

    def edges(self, x: Array, blink: float) -> tuple[Array, Array]:
        """Heights of the upper and the lower edge at the local `x`, of a lid closed by `blink` (0..1)."""
        u = np.clip((x - INNER) / (OUTER - INNER), 0, 1)
        corners = -0.024 + self.shape.tilt * u
        upper = corners + self.shape.upper * np.maximum(np.sin(np.pi * u**0.88), 0) ** 0.82
        lower = corners - self.shape.lower * np.maximum(np.sin(np.pi * u**1.15), 0) ** 0.9
        return upper + (lower - CLOSING - upper) * blink, lower

    def add(self, head: Array, points: Array, blink: float) -> Array:
        """The head with lids around openings for both eyes.

        Args:
            head: (n,) distances to the bare head.
            points: (n, 3) with x >= 0.
            blink: 0 (open) .. 1 (closed).
        """
        local, size = self._local(points), self.shape.size
        x, y, z = local.T
        radius = length(local)
        upper, lower = self.edges(x, blink)
        d = union(head / size, radius - (RADIUS + LID), 0.06)
        if self.shape.crease:
            d = difference(d, self._crease(x, z, radius, upper, blink), 0.03 * self.shape.crease)
        if blink < 1:
            d = difference(d, _opening(x, y, z, upper, lower), 0.020)
            d = np.maximum(d, RADIUS * 0.99 - radius)
            d = union(d, _caruncle(local), 0.012)
        return d * size

    def on_lid(self, x: Array, z: Array, height: float) -> Array:
        """(n, 3) points of the side x > 0 at the local (x, z), `height` above the eyeball."""
        y = np.sqrt(np.maximum((RADIUS + height) ** 2 - x**2 - z**2, 1e-4))
        return np.stack([x, y, z], 1).astype(np.float32) * self.shape.size + self.centre

    def redness(self, points: Array, blink: float) -> Array:
        """(n,) 0..1: how much a point belongs to the pink rim of the opening."""
        local = self._local(points)
        x, y, z = local.T
        upper, lower = self.edges(x, blink)
        radius = length(local)
        rim = bell(np.maximum(z - upper, lower - z), 0.010) * (radius < RADIUS + LID + 0.02) * (y > 0)
        corner = np.linalg.norm(local - vector((INNER + 0.015, 0.150, -0.022)), axis=1)
        return np.maximum(rim * (x > INNER - 0.01) * (x < OUTER), smoothstep(0.05, 0.02, corner)) * (
            1 - blink
        )

    def seam(self, points: Array, blink: float) -> Array:
        """(n,) 0..1: how much a point lies where closed lids meet, in the shadow of the lashes."""
        x, y, z = self._local(points).T
        upper, _ = self.edges(x, blink)
        between = smoothstep(INNER, INNER + 0.03, x) * smoothstep(OUTER, OUTER - 0.03, x) * (y > 0)
        return bell(z - upper, 0.011) * between * smoothstep(0.8, 1.0, np.float32(blink))

    def shade(self, points: Array) -> Array:
        """(n,) 0..1: how much a point lies on the upper lid, which is a little darker."""
        local = self._local(points)
        away = np.linalg.norm(local, axis=1) - RADIUS
        return smoothstep(0.085, 0.03, away) * smoothstep(-0.02, 0.05, local[:, 2]) * (local[:, 1] > 0)

    def _local(self, points: Array) -> Array:
        return (points - self.centre) / np.float32(self.shape.size)

    def _crease(self, x: Array, z: Array, radius: Array, upper: Array, blink: float) -> Array:
        """A thin rod lying on the lid, above its edge; it flattens as the lid closes."""
        height = upper * (1 - 0.55 * blink) + 0.050 + 0.045 * blink
        beyond = np.maximum(np.abs(x) - 0.14, 0)
        away = radius - RADIUS - LID - 0.016 - 0.03 * blink
        return np.sqrt((z - height) ** 2 + away**2 + beyond**2) - 0.006


def _opening(x: Array, y: Array, z: Array, upper: Array, lower: Array) -> Array:
    middle = (INNER + OUTER) / 2
    beyond = np.maximum(np.abs(x - middle) - (OUTER - INNER) / 2, -y)
    return np.maximum(np.maximum(z - upper, lower - z) * 0.85, beyond)


def _caruncle(local: Array) -> Array:
    """The pink bead in the inner corner."""
    return ellipsoid(local, (INNER + 0.018, 0.150, -0.022), (0.026, 0.030, 0.018))
