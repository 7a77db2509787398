"""Eyeballs: a sphere with a bulging cornea, and the tints of white, iris and pupil."""

from __future__ import annotations

import numpy as np
from character import Colour, EyeShape
from lids import RADIUS, Lids
from sdf import Array, Surface, bell, smoothstep, vector

PUPIL = 0.40
"""Radius of the pupil in radii of the iris."""

CORNEA = 0.035
"""Height of the cornea above the sphere, in radii of the eye."""

CONVERGENCE = 0.03
"""How far each eye turns towards the nose, in radians: a gaze at the viewer, not through them."""


def _angles() -> tuple[Array, Array]:
    """Polar angle from the line of sight and azimuth of the mesh's vertices, dense over the iris."""
    polar = np.concatenate([np.linspace(0, 0.75, 110), np.linspace(0.76, 2.2, 40)])
    azimuth = np.linspace(0, 2 * np.pi, 192, endpoint=False)
    grid = np.meshgrid(polar, azimuth, indexing="ij")
    return grid[0].astype(np.float32), grid[1].astype(np.float32)


def eyeball(side: int, lids: Lids) -> Surface:
    """The eye at x > 0 (`side` = 1) or x < 0 (-1) behind these lids."""
    polar, azimuth = _angles()
    direction = np.stack(
        [np.sin(polar) * np.cos(azimuth), np.cos(polar), np.sin(polar) * np.sin(azimuth)], -1
    ).reshape(-1, 3)
    bulge = 1 + CORNEA * np.clip(1 - (polar / lids.shape.iris) ** 2, 0, 1)
    turn = -CONVERGENCE * side
    rotation = np.array([[np.cos(turn), np.sin(turn), 0], [-np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
    directions = (direction @ rotation.T).astype(np.float32)
    radius = lids.shape.size * RADIUS * bulge.reshape(-1, 1)
    vertices = directions * radius + vector((side, 1, 1)) * lids.centre
    return Surface(vertices.astype(np.float32), _triangles(*polar.shape), directions)


def _triangles(rings: int, spokes: int) -> np.ndarray:
    a = (np.arange(rings - 1)[:, None] * spokes + np.arange(spokes)).ravel()
    b = (np.arange(rings - 1)[:, None] * spokes + (np.arange(spokes) + 1) % spokes).ravel()
    quads = np.stack([a, b, a + spokes, b, b + spokes, a + spokes], 1)
    return quads.reshape(-1, 3).astype(np.int32)


def eye_tint(eyes: EyeShape) -> Array:
    """(n, 3) tints of the vertices of `eyeball`."""
    polar, azimuth = (a.ravel() for a in _angles())
    radius = polar / eyes.iris
    white = vector(eyes.white) - smoothstep(0.7, 1.4, polar)[:, None] * vector((0.03, 0.10, 0.10))
    colour = _blend(white, _iris(eyes.tint, radius, azimuth), smoothstep(1.05, 0.95, radius))
    pupil = vector((0.004, 0.004, 0.005))
    return _blend(colour, pupil, smoothstep(PUPIL + 0.03, PUPIL - 0.02, radius))


def _iris(tint: Colour, radius: Array, azimuth: Array) -> Array:
    """Fibres, a dark outer ring, and the glow opposite to the light that a lens-shaped cornea casts."""
    fibres = _fibres(azimuth)
    below = 0.5 - 0.5 * np.sin(azimuth)
    brightness = (
        0.40 + 1.7 * below * smoothstep(0.35, 0.75, radius) + 0.3 * fibres * smoothstep(0.42, 0.6, radius)
    )
    brightness *= 1 - 0.85 * smoothstep(0.76, 1.0, radius)
    colour = vector(tint) * 0.55 * brightness[:, None]
    warm_ring = vector((0.10, 0.05, 0.015)) * 0.6 * bell(radius - PUPIL - 0.12, 0.10)[:, None]
    return np.clip(colour + warm_ring, 0.003, 1)


def _fibres(azimuth: Array) -> Array:
    random = np.random.default_rng(2)
    waves = (np.sin(azimuth * k + random.uniform(0, 2 * np.pi)) for k in (17, 29, 43, 61))
    return vector(sum(waves)) / 4


def _blend(a: Array, b: Array, weight: Array) -> Array:
    return a + (b - a) * weight[:, None]
