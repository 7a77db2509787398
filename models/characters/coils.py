"""Coiled hair that stands around the head."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from combed import Scalp
from groom import POINTS, Line, Strands, along, spread
from head import Head
from sdf import Array, gradient, smoothstep


@dataclass(frozen=True, slots=True)
class Coils:
    """A cloud of coils.

    Attributes:
        area: where they grow.
        lengths: how far they stand off, by height of the root.
        radius: of a coil.
        turns: of a coil, of which some have fewer.
        count: of coils at a density of 1.
        strands_each: hairs that make up one coil.
        thickness: of a hair.
    """

    on_face: ClassVar[bool] = False

    area: Scalp
    lengths: Line
    radius: float = 0.030
    turns: float = 3.0
    count: int = 8000
    strands_each: int = 5
    thickness: float = 0.0042

    def strands(self, head: Head, random: np.random.Generator, density: float) -> Strands:
        """All hairs."""
        places = spread(head.skull, random, int(self.count * density * 1.4))
        roots = places[self.area.inside(places) > random.random(len(places))]
        axes = self._axes(head, roots, random)
        hairs = np.concatenate([self._coiled(axes, random) for _ in range(self.strands_each)])
        t = np.linspace(0, 1, POINTS, dtype=np.float32)
        return Strands(hairs.astype(np.float32), self.thickness * (1 - 0.6 * t**3))

    def scalp(self, points: Array) -> Array:
        """(n,) 0..1: how far a point of the skin lies among the roots."""
        return 0.95 * self.area.inside(points)

    def _axes(self, head: Head, roots: Array, random: np.random.Generator) -> Array:
        """(n, POINTS, 3) the middles of the coils: out of the skin, sinking a little."""
        out = gradient(head.skull, roots) + 0.16 * random.normal(size=roots.shape)
        length = along(self.lengths, roots[:, 2]) * (0.75 + 0.25 * random.random(len(roots)))
        t = np.linspace(-0.04, 1, POINTS)[None, :, None]
        axes = roots[:, None] + out[:, None] * (length[:, None, None] * t)
        axes[..., 2] -= (0.10 * length[:, None] * np.square(t[..., 0])) * smoothstep(0.9, 0.2, roots[:, 2:3])
        return np.asarray(axes)

    def _coiled(self, axes: Array, random: np.random.Generator) -> Array:
        """Hairs that wind around the axes, a little apart from one another."""
        along_axis = axes[:, -1] - axes[:, 0]
        side = np.cross(along_axis, random.normal(size=along_axis.shape))
        side /= np.linalg.norm(side, axis=1, keepdims=True)
        other = np.cross(along_axis, side)
        other /= np.linalg.norm(other, axis=1, keepdims=True)
        t = np.linspace(0, 1, POINTS)[None]
        turns = self.turns * (0.6 + 0.5 * random.random((len(axes), 1)))
        angle = 2 * np.pi * (turns * t + random.random((len(axes), 1)))
        radius = self.radius * (0.7 + 0.6 * random.random((len(axes), 1))) * np.sqrt(t)
        winding = np.cos(angle)[..., None] * side[:, None] + np.sin(angle)[..., None] * other[:, None]
        stray = random.normal(size=(len(axes), 1, 3)) * 0.006
        return np.asarray(axes + winding * radius[..., None] + stray)
