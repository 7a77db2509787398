"""How the face follows the mouth: the jaw turns about its joint, the skin around the lips goes with them."""

from __future__ import annotations

import numpy as np
from lips import Lips
from poses import REST, MouthPose
from sdf import Array, bell, mirrored, smoothstep, union

JOINT = (-0.35, -0.45)
"""Depth and height about which the jaw turns: behind the ear, for the joint slides forwards as it turns."""

ABOVE, BESIDE, BELOW = 0.10, 0.17, 0.15
"""How far from the lips the skin follows them."""

MARGIN = 0.05
"""How far above the upper lip and below the lower one skin begins to follow the other lip."""

CORNER = 0.10
"""Over how much of the width around a corner the skin stops being drawn sideways."""


class Jaw:
    """The movement of one face.

    A movement is given where it has led to: from a point of the moved face back to where it was at rest, so
    that a field at rest becomes the field of the moved face.
    """

    def __init__(self, lips: Lips) -> None:
        self._lips = lips

    def back(self, points: Array, pose: MouthPose) -> Array:
        """(n, 3) where points of the moved face were at rest."""
        if pose.rests:
            return points
        side = np.where(points[:, :1] < 0, -1.0, 1.0).astype(np.float32)
        way = self._way(mirrored(points), pose)
        way[:, :1] *= side
        return (points - way).astype(np.float32)

    def moved(self, points: Array, pose: MouthPose, steps: int = 12) -> Array:
        """(n, 3) where points of the face at rest have gone (fixed-point iteration)."""
        there = points
        for _ in range(steps):
            there = there + 0.8 * (points - self.back(there, pose))
        return there

    def _way(self, half: Array, pose: MouthPose) -> Array:
        """(n, 3) how far points of the moved face with x >= 0 have come."""
        lips, near = self._with_lips(half, pose)
        jaw = turned(half, -pose.jaw)
        way = (half - jaw) * self._share(half, pose)[:, None]
        return way + (lips - way) * near[:, None]

    def _share(self, half: Array, pose: MouthPose) -> Array:
        """(n,) how much of the jaw's turn a point has made: none of it on the skull and on the neck."""
        _, y, z = half.T
        down = smoothstep(-0.40, -0.90 - 0.7 * pose.jaw, z)
        return down * smoothstep(-0.20, 0.30, y) * smoothstep(-1.48, -1.12, z)

    def _with_lips(self, half: Array, pose: MouthPose) -> tuple[Array, Array]:
        """(n, 3) the way of the nearest place on the lips' borders, and (n,) how far skin follows it."""
        x, y, z = half.T
        lips, wide = self._lips, self._lips.lines.half_width(pose)
        on_lips = union(x, np.full_like(x, wide), CORNER)
        rest_x = on_lips * np.float32(lips.lines.shape.half_width / wide)
        now, was = lips.lines.parted(on_lips, pose), lips.lines.parted(rest_x, REST)
        upper, lower = lips.shifts(on_lips, pose)
        span = now.top - now.bottom + 2 * MARGIN
        down = smoothstep(0.0, 1.0, (now.top + MARGIN - z) / span)
        up = now.top - was.top
        rise = up + (now.bottom - was.bottom - up) * down
        way = np.stack([on_lips - rest_x, upper + (lower - upper) * down, rise], 1)
        above, below = np.maximum(z - now.top, 0) / ABOVE, np.maximum(now.bottom - z, 0) / BELOW
        beside = np.maximum(x - wide, 0) / BESIDE
        near = bell(np.sqrt(above**2 + below**2 + beside**2), 1.0) * smoothstep(0.10, 0.42, y)
        return way, near


def turned(points: Array, angle: float) -> Array:
    """Points turned with the jaw: opened by `angle` radians."""
    y, z = points[:, 1] - JOINT[0], points[:, 2] - JOINT[1]
    c, s = np.cos(angle), np.sin(angle)
    return np.stack([points[:, 0], c * y + s * z + JOINT[0], c * z - s * y + JOINT[1]], 1).astype(np.float32)
