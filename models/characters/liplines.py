"""The lines of a mouth as seen from the front: borders of the lips, edges of the opening."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from character import LipShape
from head import MOUTH
from poses import MouthPose
from sdf import Array, bell

CORNER_DROP = 0.28
"""Share of the lower lip's way that the corners follow."""


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Heights of the lips' edges, (n,) each.

    Attributes:
        top: the upper lip's border.
        upper: its edge at the opening.
        lower: the lower lip's edge at the opening; that of the upper lip where they touch.
        bottom: the lower lip's border.
    """

    top: Array
    upper: Array
    lower: Array
    bottom: Array


@dataclass(frozen=True, slots=True)
class LipLines:
    """The lines of lips of one shape; arguments called `x` are distances from the middle."""

    shape: LipShape

    def half_width(self, pose: MouthPose) -> float:
        """From the middle to a corner."""
        return self.shape.half_width * (1 + pose.width)

    def parted(self, x: Array, pose: MouthPose) -> Edges:
        """The edges at `x` >= 0."""
        half = self.half_width(pose)
        u = np.clip(x / half, 0, 1)
        bow = 1 + self.shape.bow * (0.14 * bell(u - 0.25, 0.17) - 0.20 * bell(u, 0.12)) * (
            1 - 0.6 * pose.rounding
        )
        full = 1 - 0.40 * pose.press + 0.15 * pose.rounding
        upper = self.shape.upper * full * (1 - u**1.8) ** 0.8 * bow + 0.004
        lower = self.shape.lower * (full - 0.42 * pose.tuck) * (1 - u**2.2) ** 0.72 + 0.004
        seam, arch, part = self.seam(x, pose), (1 - u**2) ** 0.8, self.part(x, pose)
        return Edges(
            seam + upper + pose.raised * arch,
            seam + pose.raised * part,
            seam - pose.lowered * part,
            seam - lower - pose.lowered * arch,
        )

    def seam(self, x: Array, pose: MouthPose) -> Array:
        """Height of the line in which lips meet, and of the middle of the opening."""
        u = np.clip(x / self.half_width(pose), 0, 1)
        relaxed = (1 - 0.55 * pose.rounding) * (1 - 0.55 * min(1.0, pose.gap / 0.16))
        smile = self.shape.smile * relaxed + pose.smile
        seam = MOUTH + smile * u**2.2 - 0.004 * bell(u, 0.25)
        return seam - CORNER_DROP * pose.lowered * u**2

    def inner(self, pose: MouthPose) -> float:
        """Half the width of the opening."""
        return self.half_width(pose) * (0.955 - 0.48 * pose.rounding**2)

    def power(self, pose: MouthPose) -> float:
        """Of the opening's outline: 1 is a lens, 0.5 an ellipse."""
        return 0.78 - 0.26 * pose.rounding

    def part(self, x: Array, pose: MouthPose) -> Array:
        """Share of the gap that is open at `x`."""
        within = np.clip(1 - (x / self.inner(pose)) ** 2, 0, 1)
        return within ** self.power(pose)
