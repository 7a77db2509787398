"""A sweater with a ribbed collar."""

from __future__ import annotations

import numpy as np
from sdf import Array, capsule, difference, ellipsoid, mirrored, smoothstep, union, vector

RAISE = 0.37
"""The sweater is modelled around shoulders this much lower, then lifted."""

COLLAR = 0.405
"""Radius of the collar."""


def sweater(points: Array) -> Array:
    """Distance to the sweater."""
    lowered = mirrored(points - vector((0, 0, RAISE)))
    around = np.hypot(lowered[:, 0] / 1.06, (lowered[:, 1] + 0.37) / 0.98)
    hole = np.maximum(around - (COLLAR - 0.02), -(lowered[:, 2] + 1.74))
    body = difference(_body(lowered), hole, 0.03)
    return union(body, _collar(lowered, around), 0.018)


def _body(half: Array) -> Array:
    x, y, z = half.T
    d = capsule(half, (0.12, -0.40, -2.02), (0.72, -0.42, -2.17), 0.28, 0.26)
    d = union(d, ellipsoid(half, (0, -0.36, -2.80), (0.80, 0.48, 1.0)), 0.20)
    d = union(d, capsule(half, (0.79, -0.42, -2.26), (0.95, -0.34, -3.3), 0.24, 0.22), 0.06)
    d = union(d, capsule(half, (0.10, -0.42, -1.72), (0.62, -0.44, -2.02), 0.22, 0.20), 0.20)
    d = union(d, ellipsoid(half, (0, -0.30, -2.14), (0.60, 0.44, 0.42)), 0.22)
    folds = 0.010 * np.sin(9 * z + 7 * x + 3 * y) * smoothstep(0.5, 1.0, x)
    return d - 0.03 - folds - 0.006 * np.sin(14 * x - 9 * z) * smoothstep(0.3, 0.9, x)


def _collar(half: Array, around: Array) -> Array:
    x, y, z = half.T
    height = z + 1.66 + 0.17 * smoothstep(-0.5, 0.35, y)
    ribs = 0.0045 * np.cos(np.arctan2(y + 0.37, x) * 84)
    across = around - COLLAR + 0.15 * height
    return np.hypot(across, np.maximum(np.abs(height) - 0.050, 0)) - 0.040 + ribs
