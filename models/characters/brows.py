"""Brows, lashes and the dark line along the lids."""

from __future__ import annotations

import numpy as np
from groom import Strands
from head import face
from lids import INNER, OUTER, lid_edges, on_lid
from sdf import Array, front, smoothstep

BROW_HAIRS = 520
UPPER_LASHES = 120
LOWER_LASHES = 34
POINTS = 5


def brows(seed: int) -> Strands:
    """Both eyebrows."""
    random = np.random.default_rng(seed)
    right = _brow(random)
    strands = np.concatenate([right, _brow(random) * np.float32((-1, 1, 1))])
    t = np.linspace(0, 1, POINTS)
    thickness = 0.0029 * (0.6 + 0.4 * random.random((len(strands), 1))) * (1 - 0.75 * t**1.5)
    return Strands(strands, thickness.astype(np.float32))


def _brow(random: np.random.Generator) -> Array:
    """The brow at x > 0: hairs grow up at the inner end, outwards along the arch, thinning at both ends."""
    u, v = random.random(BROW_HAIRS * 2), np.clip(random.normal(0, 0.26, BROW_HAIRS * 2), -0.5, 0.5)
    keep = random.random(len(u)) < (0.25 + 0.75 * smoothstep(0.0, 0.26, u)) * (
        1 - 0.5 * smoothstep(0.8, 1.0, u)
    )
    u, v = u[keep][:BROW_HAIRS], v[keep][:BROW_HAIRS]
    width = 0.050 * (0.62 + 0.38 * smoothstep(0, 0.35, u)) * (1 - u**2.2) ** 0.8 + 0.008
    x = 0.125 + 0.415 * u
    z = 0.200 + 0.066 * np.sin(np.pi * (u * 0.76) ** 1.1) - 0.040 * u**3 + v * width
    angle = np.clip(0.90 - 1.20 * u - 1.0 * v, -0.9, 1.35) + random.normal(0, 0.10, len(u))
    length = (0.052 + 0.10 * u * (1 - u)) * random.uniform(0.8, 1.15, len(u))
    t = np.linspace(0, 1, POINTS)
    reach_x = x[:, None] + (np.cos(angle) * length)[:, None] * t
    reach_z = z[:, None] + (np.sin(angle) * length)[:, None] * t - 0.03 * t**2 * u[:, None]
    return _lie_on_face(reach_x, reach_z, 0.002 + 0.010 * np.sin(t * 2.4))


def _lie_on_face(x: Array, z: Array, height: Array) -> Array:
    """(n, k, 3) strands over the face at (x, z), `height` above the skin."""
    flat_x, flat_z = x.ravel().astype(np.float32), z.ravel().astype(np.float32)
    y = front(face, flat_x, flat_z).reshape(x.shape) + height
    return np.stack([x, y, z], -1).astype(np.float32)


def lashes(seed: int, blink: float) -> Strands:
    """The lashes of both eyes; the upper ones turn down as the lid closes."""
    random = np.random.default_rng(seed)
    t = np.linspace(0, 1, POINTS)
    sides = []
    for side in (-1, 1):
        for upper, count in ((True, UPPER_LASHES), (False, LOWER_LASHES)):
            sides.append(_lash_row(random, count, upper, blink) * np.float32((side, 1, 1)))
    return Strands(np.concatenate(sides), (0.0034 * (1 - 0.9 * t)).astype(np.float32))


def _lash_row(random: np.random.Generator, count: int, upper: bool, blink: float) -> Array:
    u = np.sort(random.random(count))
    x = INNER + 0.03 + (OUTER - INNER - 0.045) * u
    edges = lid_edges(x, blink)
    roots = on_lid(x, edges[0] if upper else edges[1], 0.022 + 0.008 * blink * upper)
    if upper:
        length, rise = 0.014 + 0.040 * u**1.3, 1 - 1.7 * blink
    else:
        length, rise = 0.012 + 0.012 * u, -1.0
    length = length * random.uniform(0.8, 1.2, count)
    outwards = 0.75 * (u - 0.30)
    t = np.linspace(0, 1, POINTS)
    move = np.stack(
        [
            (length * outwards)[:, None] * t,
            length[:, None] * (0.75 * t - 0.25 * t * t) - 0.006,
            length[:, None] * rise * (0.15 * t + 0.75 * t * t),
        ],
        -1,
    )
    return (roots[:, None] + move).astype(np.float32)


def lid_line(blink: float) -> Strands:
    """The dark line that the lashes' roots draw along the upper lid, thinning towards both corners."""
    x = np.linspace(INNER + 0.010, OUTER - 0.006, 40)
    upper, _ = lid_edges(x, blink)
    line = on_lid(x, upper + 0.002, 0.020 + 0.012 * blink)
    both = np.stack([line, line * np.float32((-1, 1, 1))])
    taper = np.sin(np.linspace(0.10, np.pi - 0.2, len(x))) ** 0.6 * np.linspace(0.7, 1.1, len(x))
    return Strands(both, (0.0100 * taper).astype(np.float32))
