"""A side-parted bob: strands follow a flow over a shell around the head and are cut at one height.

Guide strands are grown one step at a time along the flow and held at a height above the shell; the many
rendered strands are blends of neighbouring guides, clumped and frizzed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from groom import POINTS, Line, Locks, Strands, along, resample, scattered, tangent
from head import Head
from sdf import Array, Field, ellipsoid, gradient, mirrored, project, smoothstep, union, vector

GUIDES = 1600
REACH = 2.9
"""Length of a guide before it is cut."""

LOCKS = Locks()

HAIRLINE: Line = (
    (-1.3, -0.72),
    (-0.7, -0.66),
    (-0.5, -0.50),
    (-0.38, -0.10),
    (-0.20, 0.05),
    (-0.08, 0.04),
    (0.02, -0.02),
    (0.12, 0.20),
    (0.25, 0.40),
    (0.38, 0.58),
    (0.47, 0.66),
    (0.55, 0.67),
    (0.62, 0.66),
)
"""Height above which hair grows, by depth."""


@dataclass(frozen=True, slots=True)
class Bob:
    """A bob.

    Attributes:
        parting: the x of the parting.
        cut: height at which the hair is cut.
    """

    on_face: ClassVar[bool] = False

    parting: float = 0.24
    cut: float = -0.93

    def strands(self, head: Head, random: np.random.Generator, density: float) -> Strands:
        """About 48,000 strands at a density of 1."""
        places = scattered(head.skull, random, GUIDES * 6)
        roots = _inside_hairline(places, random, 0.018)[:GUIDES]
        guides = self._trim(self._grow(head, roots, random), random)
        roots = self._scatter(head, guides[:, 0], random, int(26 * density))
        keys = self._parted(guides[:, 0]), self._parted(roots)
        strands = _shorten(LOCKS.filled(guides, roots, keys, random), random)
        t = np.linspace(0, 1, POINTS, dtype=np.float32)
        return Strands(strands.astype(np.float32), 0.0042 * (1 - 0.85 * t**4))

    def scalp(self, points: Array) -> Array:
        """(n,) 0..1: how far a point lies inside the hairline."""
        above = points[:, 2] - along(HAIRLINE, points[:, 1])
        return 0.93 * smoothstep(0.0, 0.06, above) * (points[:, 1] < 0.62)

    def _grow(self, head: Head, roots: Array, random: np.random.Generator) -> Array:
        """(n, POINTS, 3) guides from their roots along the flow."""
        shell = _shell(head)
        top = smoothstep(0.25, 0.85, roots[:, 2])
        volume = (0.045 + 0.110 * top) * (0.55 + 0.45 * random.random(len(roots)))
        place, strands = roots, []
        for step in range(POINTS):
            t = step / (POINTS - 1)
            rise = 1 - (1 - t) ** 3
            tuck = 1 - 0.9 * smoothstep(self.cut + 0.4, self.cut, place[:, 2])
            place = project(shell, place, (volume * rise * tuck - 0.01 * (step == 0)).astype(np.float32), 2)
            strands.append(place)
            normal = gradient(shell, place)
            flow = self._flow(place, roots, t)
            place = (place + tangent(flow, normal) * (REACH / (POINTS - 1))).astype(np.float32)
        return np.stack(strands, 1)

    def _flow(self, place: Array, roots: Array, t: float) -> Array:
        """(n, 3) the way hair lies: from the parting to the side, then down; at the back straight down."""
        x, y, z = place.T
        beside = np.abs(x)
        side = np.where(beside > 0.45, np.sign(x), np.sign(roots[:, 0] - self.parting))
        back = smoothstep(0.0, -0.7, y)
        low = smoothstep(0.25, -0.2, z)
        sideways = side * (1.0 - 0.6 * back) * (1 - 0.85 * low)
        backwards = -0.30 * smoothstep(0.2, 0.6, beside) * (1 - low) - 0.12
        down = -(0.30 + 1.3 * smoothstep(0.20, 0.66, beside) + 1.2 * back + low)
        flow = np.stack([sideways, backwards, down], 1)
        lift = smoothstep(0.25, 0.55, roots[:, 1]) * (1 - t) ** 3
        flow += lift[:, None] * vector((0, -0.55, 0.55))
        wave = np.stack(
            [np.sin(4 * t + 7 * roots[:, 1] + 3 * roots[:, 2]), np.sin(5 * t + 6 * roots[:, 0]), 0 * x], 1
        )
        return flow + 0.09 * wave

    def _trim(self, guides: Array, random: np.random.Generator) -> Array:
        """Guides cut, their points spread anew over what is left."""
        level = (
            self.cut
            + 0.018 * random.standard_normal(len(guides))
            - 0.10 * smoothstep(-0.3, 0.2, guides[:, -1, 1])
        )
        below = guides[..., 2] < level[:, None]
        last = np.where(below.any(1), below.argmax(1), POINTS - 1)
        return resample(guides, last / (POINTS - 1))

    def _scatter(self, head: Head, guide_roots: Array, random: np.random.Generator, per_guide: int) -> Array:
        """Roots of the rendered strands: around the guides, and more along the parting."""
        around = guide_roots[random.integers(0, len(guide_roots), len(guide_roots) * per_guide)]
        around = around + random.normal(size=around.shape) * 0.024
        count = 300 * per_guide
        arc, x = random.uniform(0.25, 2.6, count), self.parting + random.normal(0, 0.05, count)
        parting = np.stack([x, 0.81 * np.cos(arc) - 0.28, 0.755 * np.sin(arc) + 0.36], 1)
        roots = np.concatenate([around, parting]).astype(np.float32)
        return _inside_hairline(project(head.skull, roots, -0.01, 5), random, 0.012)

    def _parted(self, points: Array) -> Array:
        """Points with a fourth coordinate that keeps the two sides of the parting apart."""
        side = np.sign(points[:, 0] - self.parting) * 0.3 * smoothstep(0.3, 0.6, points[:, 2])
        return np.column_stack([points, side])


def _shell(head: Head) -> Field:
    """The solid on which the hair lies: the skull, and the volume of the bob below it."""

    def shell(points: Array) -> Array:
        half = mirrored(points)
        bob = ellipsoid(half, (0, -0.40, -0.36), (0.815, 0.58, 0.96))
        return union(head.skull(half), bob, 0.15)

    return shell


def _inside_hairline(points: Array, random: np.random.Generator, fuzz: float) -> Array:
    return points[points[:, 2] > along(HAIRLINE, points[:, 1]) + random.normal(size=len(points)) * fuzz]


def _shorten(strands: Array, random: np.random.Generator) -> Array:
    return resample(strands, 0.95 + 0.05 * random.random(len(strands)))
