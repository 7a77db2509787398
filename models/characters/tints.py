"""The colour of the skin, painted by fields: blush, lips, lid rims, nostrils, scalp."""

from __future__ import annotations

import numpy as np
from character import Character
from groom import hairline
from lids import edge_redness, lid_shade
from lips import Lips
from sdf import Array, bell, mirrored, smoothstep, vector

BLUSH = (
    ((0.41, 0.43, -0.31), 0.21, 0.62),
    ((0.0, 0.80, -0.34), 0.12, 0.24),
    ((0.0, 0.55, -0.93), 0.14, 0.22),
)
"""Where blood shows: centre, radius, strength."""


def skin_tint(points: Array, who: Character, lips: Lips, blink: float) -> Array:
    """(n, 3) diffuse tints of points on the head."""
    half, skin = mirrored(points), vector(who.skin)
    red = skin * vector((1.02, 0.66, 0.62))
    tint = np.repeat(skin[None], len(points), 0)
    for centre, radius, strength in BLUSH:
        tint = _paint(tint, red, strength * bell(np.linalg.norm(half - vector(centre), axis=1), radius))
    tint = _paint(tint, skin * vector((0.90, 0.74, 0.72)), 0.45 * lid_shade(half))
    tint = _paint(tint, skin * vector((0.95, 0.58, 0.54)), 0.55 * edge_redness(half, blink))
    tint *= (1 + 0.025 * _mottle(points))[:, None]
    tint = _paint(tint, skin * vector((0.50, 0.36, 0.32)), 0.55 * _nostril(half))
    vermilion, seam = lips.redness(half)
    tint = _paint(tint, vector(who.lips), 0.82 * vermilion)
    tint = _paint(tint, vector(who.lips) * vector((0.42, 0.25, 0.25)), 0.8 * seam)
    return np.clip(_paint(tint, vector(who.brows), 0.93 * scalp(points)), 0, 1)


def skin_roughness(points: Array, lips: Lips) -> Array:
    """(n,) roughness: lips shine a little, the scalp does not."""
    vermilion, _ = lips.redness(mirrored(points))
    return 0.52 - 0.13 * vermilion + 0.4 * scalp(points)


def scalp(points: Array) -> Array:
    """(n,) 0..1: how far a point lies inside the hairline."""
    return smoothstep(0.0, 0.06, points[:, 2] - hairline(points[:, 1])) * (points[:, 1] < 0.62)


def _nostril(half: Array) -> Array:
    offset = (half - vector((0.052, 0.70, -0.432))) / vector((0.020, 0.04, 0.010))
    return bell(np.linalg.norm(offset, axis=1), 1.0)


def _mottle(points: Array) -> Array:
    """Smooth unevenness, -1..1."""
    random = np.random.default_rng(3)
    waves = (np.sin(points @ (random.normal(size=3) * 9) + random.uniform(0, 6.28)) for _ in range(6))
    return vector(sum(waves)) / 6


def _paint(under: Array, over: Array, weight: Array) -> Array:
    return under + (over - under) * weight[:, None]
