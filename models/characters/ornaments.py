"""What a character wears or grows besides hair and clothes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from character import Colour
from sdf import Array, Field, capsule, ellipsoid, mirrored, union, vector


@dataclass(frozen=True, slots=True)
class Ornament:
    """A thing of one material.

    Attributes:
        solid: its distance field.
        low: a corner of the box around it.
        high: the other one.
        tint: its colour.
        metal: 0 (enamel, horn) or 1 (metal).
        roughness: of its surface, 0..1.
        glow: light it gives off.
    """

    solid: Field
    low: tuple[float, float, float]
    high: tuple[float, float, float]
    tint: Colour
    metal: float = 0.0
    roughness: float = 0.25
    glow: float = 0.0


def hoops(tint: Colour, radius: float = 0.085) -> Ornament:
    """A ring hanging from each ear lobe."""

    def solid(points: Array) -> Array:
        x, y, z = (mirrored(points) - vector((0.725, -0.165, -0.325 - radius))).T
        return np.hypot(np.hypot(0.8 * x + 0.6 * y, z) - radius, 0.8 * y - 0.6 * x) - 0.013

    return Ornament(solid, (-0.95, -0.4, -0.62), (0.95, 0.1, -0.2), tint, metal=1.0, roughness=0.2)


def glasses(tint: Colour, radius: float = 0.245) -> Ornament:
    """Round spectacles without lenses."""

    def solid(points: Array) -> Array:
        half = mirrored(points)
        x, y, z = half.T
        middle = (0.340, 0.665, -0.035)
        bent = y - middle[1] + 0.22 * np.square(np.maximum(x - 0.1, 0))
        rim = np.hypot(np.hypot(x - middle[0], z - middle[2]) - radius, bent) - 0.015
        bridge = np.hypot(np.hypot(x, z + 0.03) - 0.105, bent - 0.03) - 0.012
        bridge = np.maximum(bridge, 0.02 - z)
        temple = capsule(half, (0.585, 0.61, 0.0), (0.70, -0.12, 0.09), 0.015)
        return union(union(rim, bridge, 0.02), temple, 0.02)

    return Ornament(solid, (-0.8, -0.25, -0.35), (0.8, 0.85, 0.3), tint, metal=1.0, roughness=0.3)


_FROM, _BEND, _TIP = (0.28, -0.05, 1.02), (0.40, -0.06, 1.18), (0.55, 0.02, 1.235)
"""Where an antenna stands, bends and ends."""


def antennae(tint: Colour) -> Ornament:
    """Two stalks on the head."""

    def solid(points: Array) -> Array:
        half = mirrored(points)
        stalk = union(
            capsule(half, _FROM, _BEND, 0.045, 0.032), capsule(half, _BEND, _TIP, 0.032, 0.026), 0.05
        )
        return np.asarray(stalk)

    return Ornament(solid, (-0.8, -0.3, 0.9), (0.8, 0.3, 1.4), tint, roughness=0.4)


def lamps(tint: Colour, glow: float) -> Ornament:
    """The glowing ends of the antennae."""

    def solid(points: Array) -> Array:
        return ellipsoid(mirrored(points), _TIP, (0.078, 0.078, 0.078))

    return Ornament(solid, (-0.8, -0.3, 1.1), (0.8, 0.3, 1.4), tint, roughness=0.3, glow=glow)
