"""Short hair that is combed over the head or the jaw: a crop, grey sides, a beard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from groom import POINTS, Line, Locks, Strands, along, spread, tangent
from head import MOUTH, Head
from sdf import Array, Field, gradient, project, smoothstep

LOCKS = Locks()
PER_GUIDE = 26
SPREAD = 0.03
"""How far from a guide its strands have their roots."""


class Area(Protocol):
    """Where hair grows."""

    def inside(self, points: Array) -> Array:
        """(n,) 0..1: how far points of the skin lie inside."""


@dataclass(frozen=True, slots=True)
class Scalp:
    """The head above a hairline, and below a bald top if there is one.

    Attributes:
        low: the hairline, heights by depth.
        top: where the bald top begins.
    """

    low: Line
    top: Line | None = None

    def inside(self, points: Array) -> Array:
        """(n,) 0..1: how far points of the skin lie inside."""
        y, z = points[:, 1], points[:, 2]
        above = smoothstep(-0.02, 0.05, z - along(self.low, y)) * (y < 0.66)
        return above if self.top is None else above * smoothstep(0.10, -0.06, z - along(self.top, y))


@dataclass(frozen=True, slots=True)
class Jaw:
    """The lower face: chin, jaw, upper lip.

    Attributes:
        edge: upper edge, heights by distance from the middle.
        lips: half width and half height of what stays free around the mouth.
    """

    edge: Line
    lips: tuple[float, float]

    def inside(self, points: Array) -> Array:
        """(n,) 0..1: how far points of the skin lie inside."""
        x, y, z = points.T
        below = smoothstep(0.03, -0.03, z - along(self.edge, np.abs(x)))
        mouth = np.hypot(x / self.lips[0], (z - MOUTH) / self.lips[1]) + 10.0 * (y < 0.3)
        front = smoothstep(-0.30, -0.16, y) * smoothstep(-1.13, -1.04, z)
        return below * front * smoothstep(0.97, 1.05, mouth)


@dataclass(frozen=True, slots=True)
class Combed:
    """Short hair.

    Attributes:
        area: where it grows.
        lengths: lengths by height of the root.
        volume: how high it lies over the skin at its end.
        flow: the way it is combed, at the front and top.
        fall: the way it lies at the sides and the back.
        turn: over which distances from the middle, and over which heights, the one becomes the other.
        on_face: whether it grows on the face; else on the skull.
        guides: how many locks.
        unruly: how much their directions differ.
        thickness: of a strand.
        cover: how much the skin takes the hair's colour, 0..1.
        locks: how strands keep together.
    """

    area: Area
    lengths: Line
    volume: float
    flow: tuple[float, float, float]
    fall: tuple[float, float, float] = (0.0, -0.35, -1.0)
    turn: tuple[tuple[float, float], tuple[float, float]] = ((0.42, 0.66), (0.75, 0.45))
    on_face: bool = False
    guides: int = 900
    unruly: float = 0.18
    thickness: float = 0.0040
    cover: float = 0.85
    locks: Locks = LOCKS

    def strands(self, head: Head, random: np.random.Generator, density: float) -> Strands:
        """About 26 strands for each guide at a density of 1."""
        field = head.bare if self.on_face else head.skull
        roots = self._rooted(spread(field, random, self.guides * 9), random)[: self.guides]
        guides = self._grow(field, roots, random)
        around = np.repeat(roots, max(1, int(PER_GUIDE * density)), axis=0)
        around = around + random.normal(size=around.shape).astype(np.float32) * SPREAD
        filled = self._rooted(project(field, around, -0.01, 4), random)
        strands = self.locks.filled(guides, filled, (roots, filled), random)
        t = np.linspace(0, 1, POINTS, dtype=np.float32)
        return Strands(strands.astype(np.float32), self.thickness * (1 - 0.8 * t**3))

    def scalp(self, points: Array) -> Array:
        """(n,) 0..1: how far a point of the skin lies among the roots."""
        return self.cover * self.area.inside(points)

    def _rooted(self, points: Array, random: np.random.Generator) -> Array:
        return points[self.area.inside(points) > random.random(len(points))]

    def _grow(self, field: Field, roots: Array, random: np.random.Generator) -> Array:
        """(n, POINTS, 3) guides."""
        length = along(self.lengths, roots[:, 2]) * (0.8 + 0.4 * random.random(len(roots)))
        volume = self.volume * (0.6 + 0.4 * random.random(len(roots))) * np.minimum(1, length / 0.25)
        astray = self.unruly * random.normal(size=roots.shape)
        place, strands = roots, []
        for step in range(POINTS):
            rise = 1 - (1 - step / (POINTS - 1)) ** 2
            place = project(field, place, (volume * rise - 0.01 * (step == 0)).astype(np.float32), 1)
            strands.append(place)
            way = tangent(self._way(place, roots) + astray, gradient(field, place))
            place = (place + way * (length / (POINTS - 1))[:, None]).astype(np.float32)
        return np.stack(strands, 1)

    def _way(self, place: Array, roots: Array) -> Array:
        """(n, 3) the direction of combing: `flow` at the top and front, `fall` at the sides and the back."""
        x, _, z = place.T
        out, down = self.turn
        beside = smoothstep(*out, np.abs(x)) * smoothstep(*down, z)
        behind = smoothstep(-0.5, -0.9, roots[:, 1])
        share = np.maximum(beside, behind)[:, None]
        return np.array(self.flow) * (1 - share) + np.array(self.fall) * share
