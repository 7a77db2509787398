"""Brows and lashes."""

from __future__ import annotations

import numpy as np
from character import BrowShape
from groom import Strands
from head import Head
from lids import INNER, OUTER, Lids
from sdf import Array, front, smoothstep, vector

POINTS = 5


BASE = 0.200
"""Height of the inner end of a brow that is not raised."""

THICKNESS = 0.0029


def brows(shape: BrowShape, head: Head, seed: int) -> Strands:
    """Both eyebrows."""
    random = np.random.default_rng(seed)
    right = _brow(shape, head, random)
    strands = np.concatenate([right, _brow(shape, head, random) * vector((-1, 1, 1))])
    t = np.linspace(0, 1, POINTS)
    thickness = THICKNESS * (0.6 + 0.4 * random.random((len(strands), 1))) * (1 - 0.75 * t**1.5)
    return Strands(strands, thickness.astype(np.float32))


def _brow(shape: BrowShape, head: Head, random: np.random.Generator) -> Array:
    """The brow at x > 0: hairs grow up at the inner end, outwards along the arch, thinning at both ends."""
    u, v = random.random(shape.hairs * 2), np.clip(random.normal(0, 0.26, shape.hairs * 2), -0.5, 0.5)
    keep = random.random(len(u)) < (0.25 + 0.75 * smoothstep(0.0, 0.26, u)) * (
        1 - 0.5 * smoothstep(0.8, 1.0, u)
    )
    u, v = u[keep][: shape.hairs], v[keep][: shape.hairs]
    width = 0.050 * shape.width * (0.62 + 0.38 * smoothstep(0, 0.35, u)) * (1 - u**2.2) ** 0.8 + 0.008
    x = 0.125 + 0.415 * u
    z = BASE + shape.raised + shape.arch * np.sin(np.pi * (u * 0.76) ** 1.1) - 0.040 * u**3 + v * width
    angle = np.clip(0.90 - 1.20 * u - 1.0 * v, -0.9, 1.35) + random.normal(0, 0.10, len(u))
    length = (0.052 + 0.10 * u * (1 - u)) * random.uniform(0.8, 1.15, len(u))
    t = np.linspace(0, 1, POINTS)
    reach_x = x[:, None] + (np.cos(angle) * length)[:, None] * t
    reach_z = z[:, None] + (np.sin(angle) * length)[:, None] * t - 0.03 * t**2 * u[:, None]
    return _lie_on_face(head, reach_x, reach_z, 0.002 + 0.010 * np.sin(t * 2.4))


def _lie_on_face(head: Head, x: Array, z: Array, height: Array) -> Array:
    """(n, k, 3) strands over the face at (x, z), `height` above the skin."""
    flat_x, flat_z = x.ravel().astype(np.float32), z.ravel().astype(np.float32)
    y = front(head.bare, flat_x, flat_z).reshape(x.shape) + height
    return np.stack([x, y, z], -1).astype(np.float32)


def lash_line(lids: Lids, blink: float) -> Strands:
    """The lashes of both upper lids, as one dark line along each edge, thickest before the outer corner.

    Single lashes would be seen to jump: a portrait's blink swaps the open picture's lid for the closed one's.
    Closed lids show where they meet, however thin the lashes.
    """
    u = np.linspace(0, 1, 48)
    x = INNER + 0.010 + (OUTER - INNER - 0.012) * u
    upper, _ = lids.edges(x, blink)
    line = lids.on_lid(x, upper + 0.004, 0.025 + 0.016 * blink)
    both = np.stack([line, line * vector((-1, 1, 1))])
    fullness = lids.shape.lashes + max(0.0, 0.8 - lids.shape.lashes) * blink
    thickness = fullness * (0.005 + 0.011 * u**0.8) * np.minimum(1, (1 - u) / 0.10 + 0.15) ** 0.7
    return Strands(both, thickness.astype(np.float32))
