"""Eyelids: a shell around the eyeball, opened along two curves; a blink moves one of them.

Local coordinates: origin in the eyeball's centre, x from the nose outwards.
"""

from __future__ import annotations

import numpy as np
from sdf import Array, bell, difference, ellipsoid, smoothstep, union, vector

EYE = (0.335, 0.290, 0.0)
"""Centre of the eye on the side x > 0."""

EYE_RADIUS = 0.250
LID = 0.030
"""Thickness of a lid."""

INNER, OUTER = -0.196, 0.212
"""The corners of the eye."""

CLOSING = 0.008
"""How far below the open lower lid's edge the closed lids meet: the upper one pushes the lower one down."""


def lid_edges(x: Array, blink: float) -> tuple[Array, Array]:
    """Heights of the upper and the lower lid's edge at the local `x`, for a lid closed by `blink` (0..1)."""
    u = np.clip((x - INNER) / (OUTER - INNER), 0, 1)
    corners = -0.024 + 0.040 * u
    upper = corners + 0.101 * np.maximum(np.sin(np.pi * u**0.88), 0) ** 0.82
    lower = corners - 0.077 * np.maximum(np.sin(np.pi * u**1.15), 0) ** 0.9
    return upper + (lower - CLOSING - upper) * blink, lower


def add_lids(head: Array, points: Array, blink: float) -> Array:
    """The head with lids around openings for both eyes.

    Args:
        head: (n,) distances to the bare head.
        points: (n, 3) with x >= 0.
        blink: 0 (open) .. 1 (closed).
    """
    local = points - vector(EYE)
    x, y, z = local.T
    radius = np.linalg.norm(local, axis=1)
    upper, lower = lid_edges(x, blink)
    d = union(head, radius - (EYE_RADIUS + LID), 0.06)
    d = difference(d, _crease(x, z, radius, upper, blink), 0.03)
    if blink < 1:
        d = difference(d, _opening(x, y, z, upper, lower), 0.020)
        d = np.maximum(d, EYE_RADIUS * 0.99 - radius)
        d = union(d, _caruncle(local), 0.012)
    return d


def _crease(x: Array, z: Array, radius: Array, upper: Array, blink: float) -> Array:
    """A thin rod lying on the lid, above its edge; it flattens as the lid closes."""
    height = upper * (1 - 0.55 * blink) + 0.050 + 0.045 * blink
    beyond = np.maximum(np.abs(x) - 0.14, 0)
    return (
        np.sqrt((z - height) ** 2 + (radius - EYE_RADIUS - LID - 0.016 - 0.03 * blink) ** 2 + beyond**2)
        - 0.006
    )


def _opening(x: Array, y: Array, z: Array, upper: Array, lower: Array) -> Array:
    middle = (INNER + OUTER) / 2
    beyond = np.maximum(np.abs(x - middle) - (OUTER - INNER) / 2, -y)
    return np.maximum(np.maximum(z - upper, lower - z) * 0.85, beyond)


def _caruncle(local: Array) -> Array:
    """The pink bead in the inner corner."""
    return ellipsoid(local, (INNER + 0.018, 0.150, -0.022), (0.026, 0.030, 0.018))


def on_lid(x: Array, z: Array, height: float) -> Array:
    """(n, 3) points of the side x > 0 whose distance from the eyeball's surface is `height`."""
    y = np.sqrt(np.maximum((EYE_RADIUS + height) ** 2 - x**2 - z**2, 1e-4))
    return np.stack([x, y, z], 1).astype(np.float32) + vector(EYE)


def edge_redness(points: Array, blink: float) -> Array:
    """(n,) 0..1: how much a point of the side x >= 0 belongs to the pink rim of the opening."""
    local = points - vector(EYE)
    x, y, z = local.T
    upper, lower = lid_edges(x, blink)
    radius = np.linalg.norm(local, axis=1)
    rim = bell(np.maximum(z - upper, lower - z), 0.010) * (radius < EYE_RADIUS + LID + 0.02) * (y > 0)
    corner = smoothstep(0.05, 0.02, np.linalg.norm(local - vector((INNER + 0.015, 0.150, -0.022)), axis=1))
    return np.maximum(rim * (x > INNER - 0.01) * (x < OUTER), corner) * (1 - blink)


def lid_shade(points: Array) -> Array:
    """(n,) 0..1: how much a point of the side x >= 0 lies on the upper lid, which is a little darker."""
    local = points - vector(EYE)
    away = np.linalg.norm(local, axis=1) - EYE_RADIUS
    return smoothstep(0.085, 0.03, away) * smoothstep(-0.02, 0.05, local[:, 2]) * (local[:, 1] > 0)
