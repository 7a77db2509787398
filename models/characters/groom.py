"""What all hair has in common: strands, where they grow, and many of them out of a few guides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from head import Head
from scipy.spatial import cKDTree
from sdf import Array, Field, project

POINTS = 26
"""Points of a strand."""

Line = tuple[tuple[float, float], ...]
"""A curve over the head: heights at depths, or at distances from the middle."""


@dataclass(frozen=True, slots=True, eq=False)
class Strands:
    """Curves with a thickness.

    Attributes:
        points: (n, k, 3) float32, root first.
        radii: (k,) or (n, k) float32.
    """

    points: Array
    radii: Array


class Style(Protocol):
    """A way to wear hair."""

    @property
    def on_face(self) -> bool:
        """Whether it grows on the face."""

    def strands(self, head: Head, random: np.random.Generator, density: float) -> Strands:
        """All strands; `density` 1 is for the final picture."""

    def scalp(self, points: Array) -> Array:
        """(n,) 0..1: how far a point of the skin lies among the roots, whose colour it takes."""


def along(line: Line, at: Array) -> Array:
    """Heights of a line."""
    places, heights = np.array(line).T
    return np.interp(at, places, heights).astype(np.float32)


def scattered(field: Field, random: np.random.Generator, count: int) -> Array:
    """(count, 3) points all over a head."""
    directions = random.normal(size=(count, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    return project(field, (directions * 0.95 + (0, -0.25, 0.35)).astype(np.float32), steps=6)


def spread(field: Field, random: np.random.Generator, count: int) -> Array:
    """About `count` points all over a head, equally dense everywhere."""
    low, high = np.array([-0.9, -1.25, -1.25]), np.array([0.9, 0.95, 1.25])
    places = (low + (high - low) * random.random((count * 10, 3))).astype(np.float32)
    near = places[np.abs(field(places)) < 0.06]
    return project(field, near, steps=3)


def tangent(flow: Array, normal: Array) -> Array:
    """Unit vectors along a surface."""
    flow = flow - (flow * normal).sum(1, keepdims=True) * normal
    return flow / (np.linalg.norm(flow, axis=1, keepdims=True) + 1e-6)


def resample(strands: Array, stop: Array) -> Array:
    """Each strand from its root to the fraction `stop` of its points, again with POINTS points."""
    at = np.linspace(0, 1, POINTS)[None] * stop[:, None] * (POINTS - 1)
    index = np.minimum(at.astype(int), POINTS - 2)
    part = (at - index)[..., None]
    row = np.arange(len(strands))[:, None]
    return strands[row, index] * (1 - part) + strands[row, index + 1] * part


@dataclass(frozen=True, slots=True)
class Locks:
    """How strands follow their guides.

    Attributes:
        clump: how far ends meet that of the nearest guide, 0..1.
        frizz: how far strands stray at the root, and again as much on the way, as a length.
    """

    clump: float = 0.60
    frizz: float = 0.010

    def filled(
        self, guides: Array, roots: Array, keys: tuple[Array, Array], random: np.random.Generator
    ) -> Array:
        """(n, POINTS, 3) strands from `roots` between their three nearest guides.

        Args:
            guides: (g, POINTS, 3).
            roots: (n, 3).
            keys: (g, k) and (n, k) places in which guides and roots are near one another.
            random: its state moves on.
        """
        distance, nearest = cKDTree(keys[0]).query(keys[1], k=3)
        weight = 1 / (distance + 0.01) ** 2
        weight /= weight.sum(1, keepdims=True)
        offsets = guides - guides[:, :1]
        strands = (offsets[nearest] * weight[..., None, None]).sum(1) + roots[:, None]
        t = np.linspace(0, 1, POINTS)[None, :, None]
        clump = self.clump * t**1.1 * (0.5 + 0.5 * random.random((len(roots), 1, 1)))
        strands += (guides[nearest[:, 0]] - strands) * clump
        stray = random.normal(size=(len(roots), 1, 3)) * (1 + t**1.5) * self.frizz
        return np.asarray(strands + stray)
