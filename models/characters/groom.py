"""Hair: a side-parted bob of strands that follow a flow over a shell around the head.

Guide strands are grown one step at a time along the flow and held at a height above the shell; the many
rendered strands are blends of neighbouring guides, clumped and frizzed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from head import skull
from scipy.spatial import cKDTree
from sdf import Array, ellipsoid, gradient, mirrored, project, smoothstep, union, vector

PARTING = 0.24
"""The x of the parting."""

GUIDES = 1600
POINTS = 26
"""Points of a strand."""

REACH = 2.9
"""Length of a guide before it is cut."""

CUT = -0.93
"""Height at which the hair is cut."""

_HAIRLINE_Y = (-1.3, -0.7, -0.5, -0.38, -0.20, -0.08, 0.02, 0.12, 0.25, 0.38, 0.47, 0.55, 0.62)
_HAIRLINE_Z = (-0.72, -0.66, -0.50, -0.10, 0.05, 0.04, -0.02, 0.20, 0.40, 0.58, 0.66, 0.67, 0.66)


@dataclass(frozen=True, slots=True, eq=False)
class Strands:
    """Curves with a thickness.

    Attributes:
        points: (n, k, 3) float32, root first.
        radii: (k,) or (n, k) float32.
    """

    points: Array
    radii: Array


def hairline(y: Array) -> Array:
    """Height above which hair grows, for points of the head at depth `y`."""
    return np.interp(y, _HAIRLINE_Y, _HAIRLINE_Z).astype(np.float32)


def shell(points: Array) -> Array:
    """Distance to the solid on which the hair lies: the skull, and the volume of the bob below it."""
    half = mirrored(points)
    bob = ellipsoid(half, (0, -0.40, -0.36), (0.815, 0.58, 0.96))
    return union(skull(half), bob, 0.15)


def hair(seed: int, density: float = 1.0) -> Strands:
    """All strands of the head; `density` 1 gives about 48,000."""
    random = np.random.default_rng(seed)
    guides = _trim(_grow(_roots(random, GUIDES, 0.018), random), random)
    roots = _scatter(guides[:, 0], random, int(26 * density))
    strands = _shorten(_blend(guides, roots, random), random)
    t = np.linspace(0, 1, POINTS, dtype=np.float32)
    return Strands(strands.astype(np.float32), 0.0042 * (1 - 0.85 * t**4))


def _roots(random: np.random.Generator, count: int, fuzz: float) -> Array:
    directions = random.normal(size=(count * 6, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    points = project(skull, (directions * 0.95 + (0, -0.25, 0.35)).astype(np.float32), steps=6)
    return _inside_hairline(points, random, fuzz)[:count]


def _inside_hairline(points: Array, random: np.random.Generator, fuzz: float) -> Array:
    return points[points[:, 2] > hairline(points[:, 1]) + random.normal(size=len(points)) * fuzz]


def _grow(roots: Array, random: np.random.Generator) -> Array:
    """(n, POINTS, 3) guides from their roots along the flow."""
    top = smoothstep(0.25, 0.85, roots[:, 2])
    volume = (0.045 + 0.110 * top) * (0.55 + 0.45 * random.random(len(roots)))
    place, strands = roots, []
    for step in range(POINTS):
        t = step / (POINTS - 1)
        rise = 1 - (1 - t) ** 3
        tuck = 1 - 0.9 * smoothstep(CUT + 0.4, CUT, place[:, 2])
        place = project(shell, place, (volume * rise * tuck - 0.01 * (step == 0)).astype(np.float32), 2)
        strands.append(place)
        normal = gradient(shell, place)
        flow = _flow(place, roots, t)
        flow -= (flow * normal).sum(1, keepdims=True) * normal
        flow /= np.linalg.norm(flow, axis=1, keepdims=True) + 1e-6
        place = (place + flow * (REACH / (POINTS - 1))).astype(np.float32)
    return np.stack(strands, 1)


def _flow(place: Array, roots: Array, t: float) -> Array:
    """(n, 3) the way hair lies: from the parting to the side, then down; at the back straight down."""
    x, y, z = place.T
    beside = np.abs(x)
    side = np.where(beside > 0.45, np.sign(x), np.sign(roots[:, 0] - PARTING))
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


def _trim(guides: Array, random: np.random.Generator) -> Array:
    """Guides cut at `CUT`, their points spread anew over what is left."""
    level = CUT + 0.018 * random.standard_normal(len(guides)) - 0.10 * smoothstep(-0.3, 0.2, guides[:, -1, 1])
    below = guides[..., 2] < level[:, None]
    last = np.where(below.any(1), below.argmax(1), POINTS - 1)
    return _resample(guides, last / (POINTS - 1))


def _shorten(strands: Array, random: np.random.Generator) -> Array:
    return _resample(strands, 0.95 + 0.05 * random.random(len(strands)))


def _resample(strands: Array, stop: Array) -> Array:
    """Each strand from its root to the fraction `stop` of its points, again with POINTS points."""
    at = np.linspace(0, 1, POINTS)[None] * stop[:, None] * (POINTS - 1)
    index = np.minimum(at.astype(int), POINTS - 2)
    part = (at - index)[..., None]
    row = np.arange(len(strands))[:, None]
    return strands[row, index] * (1 - part) + strands[row, index + 1] * part


def _scatter(guide_roots: Array, random: np.random.Generator, per_guide: int) -> Array:
    """Roots of the rendered strands: around the guides, and more at the parting, where scalp would show."""
    around = guide_roots[random.integers(0, len(guide_roots), len(guide_roots) * per_guide)]
    around = around + random.normal(size=around.shape) * 0.024
    count = 300 * per_guide
    arc, x = random.uniform(0.25, 2.6, count), PARTING + random.normal(0, 0.05, count)
    parting = np.stack([x, 0.81 * np.cos(arc) - 0.28, 0.755 * np.sin(arc) + 0.36], 1)
    roots = np.concatenate([around, parting]).astype(np.float32)
    return _inside_hairline(project(skull, roots, -0.01, 5), random, 0.012)


def _blend(guides: Array, roots: Array, random: np.random.Generator) -> Array:
    """(n, POINTS, 3) strands between their three nearest guides on the same side of the parting."""
    distance, nearest = cKDTree(_parted(guides[:, 0])).query(_parted(roots), k=3)
    weight = 1 / (distance + 0.01) ** 2
    weight /= weight.sum(1, keepdims=True)
    offsets = guides - guides[:, :1]
    strands = (offsets[nearest] * weight[..., None, None]).sum(1) + roots[:, None]
    t = np.linspace(0, 1, POINTS)[None, :, None]
    clump = 0.60 * t**1.1 * (0.5 + 0.5 * random.random((len(roots), 1, 1)))
    strands += (guides[nearest[:, 0]] - strands) * clump
    return strands + random.normal(size=(len(roots), 1, 3)) * (0.010 + 0.010 * t**1.5)


def _parted(points: Array) -> Array:
    """Points with a fourth coordinate that keeps the two sides of the parting apart."""
    side = np.sign(points[:, 0] - PARTING) * 0.3 * smoothstep(0.3, 0.6, points[:, 2])
    return np.column_stack([points, side])
