"""The colour of the skin, painted by fields: blush, lips, lid rims, nostrils, scalp, spots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from character import Character
from lids import Lids
from lips import Lips
from poses import REST, MouthPose
from sdf import Array, bell, mirrored, smoothstep, vector

BLUSH = (
    ((0.41, 0.43, -0.31), 0.21, 0.62),
    ((0.0, 0.80, -0.34), 0.12, 0.24),
    ((0.0, 0.55, -0.93), 0.14, 0.22),
)
"""Where blood shows: centre, radius, strength."""


@dataclass(frozen=True, slots=True, eq=False)
class Place:
    """Points on a face.

    Attributes:
        now: (n, 3) where they are.
        rest: (n, 3) where they are at rest: the colour of the skin goes with it.
        blink: of the lids, 0 or 1.
        mouth: its pose.
    """

    now: Array
    rest: Array
    blink: float = 0.0
    mouth: MouthPose = REST


def skin_tint(place: Place, who: Character, lids: Lids, lips: Lips) -> Array:
    """(n, 3) diffuse tints of points on the head."""
    points, blink = place.rest, place.blink
    half, skin = mirrored(points), vector(who.skin.tint)
    red = skin * vector(who.skin.flush)
    tint = np.repeat(skin[None], len(points), 0)
    tint = _paint(tint, skin + 0.45 * (1 - skin), 0.5 * _spots(points, who))
    for centre, radius, strength in BLUSH:
        shown = strength * who.skin.blush * bell(np.linalg.norm(half - vector(centre), axis=1), radius)
        tint = _paint(tint, red, shown)
    tint = _paint(tint, skin * vector((0.90, 0.74, 0.72)), 0.45 * lids.shade(half))
    tint = _paint(tint, red * vector((0.93, 0.88, 0.87)), 0.55 * lids.redness(half, blink))
    tint = _paint(tint, skin * vector((0.16, 0.10, 0.09)), 0.9 * lids.seam(half, blink))
    tint *= (1 + 0.025 * _mottle(points))[:, None]
    tint = _paint(tint, skin * vector((0.50, 0.36, 0.32)), 0.55 * _nostril(half, who))
    vermilion, seam = lips.redness(mirrored(place.now), place.mouth)
    for style in who.hair:
        tint = _paint(tint, vector(who.brows.tint), style.scalp(points) * (1 - vermilion))
    tint = _paint(tint, vector(who.lips.tint), 0.82 * vermilion)
    tint = _paint(tint, vector(who.lips.tint) * vector((0.42, 0.25, 0.25)), 0.8 * seam)
    tint = _paint(tint, vector(who.inside.walls), lips.inside(mirrored(place.now), place.mouth))
    return np.clip(tint, 0, 1)


def skin_roughness(place: Place, who: Character, lips: Lips) -> Array:
    """(n,) roughness: lips shine a little, the scalp does not."""
    vermilion, _ = lips.redness(mirrored(place.now), place.mouth)
    roughness = 0.52 - 0.13 * vermilion
    for style in who.hair:
        roughness = roughness + 0.4 * style.scalp(place.rest)
    return np.clip(roughness, 0, 1)


def _nostril(half: Array, who: Character) -> Array:
    nose = who.head.nose
    offset = (half - vector((0.052 * nose.width, 0.70 - nose.sunk, -0.432 - nose.drop))) / vector(
        (0.020, 0.04, 0.010)
    )
    return bell(np.linalg.norm(offset, axis=1), 1.0)


def _spots(points: Array, who: Character) -> Array:
    """(n,) 0..1: round spots of several sizes on forehead and temples, the same on both sides."""
    random = np.random.default_rng(who.seed)
    shown = np.zeros(len(points), np.float32)
    for _ in range(who.skin.spots):
        turn, rise = random.uniform(0.1, 1.5), random.uniform(0.2, 0.95)
        out = vector((np.cos(rise) * np.sin(turn), np.cos(rise) * np.cos(turn), np.sin(rise)))
        centre = vector((0, -0.2, 0.1)) + out * vector((0.72, 0.86, 1.0))
        radius = random.uniform(0.025, 0.085)
        away = np.linalg.norm(mirrored(points) - centre, axis=1)
        shown = np.maximum(shown, smoothstep(radius, radius * 0.8, away))
    return shown


def _mottle(points: Array) -> Array:
    """Smooth unevenness, -1..1."""
    random = np.random.default_rng(3)
    waves = (np.sin(points @ (random.normal(size=3) * 9) + random.uniform(0, 6.28)) for _ in range(6))
    return vector(sum(waves)) / 6


def _paint(under: Array, over: Array, weight: Array) -> Array:
    return under + (over - under) * weight[:, None]
