"""The head without lids and lips: skull, jaw, cheeks, nose, ears and neck as one smooth solid."""

from __future__ import annotations

import numpy as np
from character import Ears, HeadShape, Nose
from sdf import Array, bell, capsule, difference, ellipsoid, mirrored, smoothstep, union, vector

MOUTH = -0.675
"""Height of the mouth line."""


class Head:
    """The solids of one head."""

    def __init__(self, shape: HeadShape) -> None:
        self.shape = shape

    def face(self, points: Array) -> Array:
        """Distance to the bare head with its ears."""
        d, ears = self.bare(points), self.shape.ears
        if ears is None:
            return d
        return union(d, _ear(mirrored(points), ears, 0.675 * self.shape.cranium), 0.03)

    def bare(self, points: Array) -> Array:
        """Distance to the bare head without ears."""
        half, shape = mirrored(points), self.shape
        d = union(_skull(half, shape), _jaw(half, shape), 0.14)
        d = union(d, _cheeks(half, shape), 0.16)
        d = union(d, _brow_ridge(half, shape), 0.12)
        d = difference(d, _socket(half), 0.14)
        d = union(d, _nose(half, shape.nose), 0.10)
        d = difference(d, _nostril(half, shape.nose), 0.02)
        d = difference(d, _philtrum(half), 0.05)
        if shape.age:
            d = d + shape.age * _lines(half)
        return union(d, self.neck(half), 0.10)

    def neck(self, points: Array) -> Array:
        """Distance to the neck and the top of the chest."""
        wide = self.shape.neck
        d = capsule(points, (0, -0.32, -0.6), (0, -0.36, -1.75), 0.315 * wide, 0.335 * wide)
        return union(d, ellipsoid(points, (0, -0.46, -1.95), (0.50, 0.26, 0.30)), 0.25)

    def skull(self, points: Array) -> Array:
        """Distance to the smooth head on which hair grows: no features, no neck."""
        under = ellipsoid(points, (0, 0, -0.22), (0.62 * self.shape.jaw, 0.55, 0.78))
        return union(_skull(points, self.shape), under, 0.12)


def _skull(half: Array, shape: HeadShape) -> Array:
    cranium = ellipsoid(half, (0, -0.28, 0.36), (0.725 * shape.cranium, 0.86, 0.80))
    forehead = ellipsoid(half, (0, 0.13, 0.38), (0.59 * shape.cranium, 0.48, 0.50))
    return union(cranium, forehead, 0.15)


def _jaw(half: Array, shape: HeadShape) -> Array:
    corner, side, low = 0.385 * shape.jaw, 0.11 * shape.chin, shape.drop
    d = ellipsoid(half, (0, 0, -0.20), (0.60 * shape.jaw, 0.56, 0.75))
    d = union(d, capsule(half, (corner, -0.12, -0.44), (side, 0.33, -0.83 - low), 0.15, 0.15), 0.20)
    chin = ellipsoid(half, (0, 0.395, -0.865 - low), (0.14 * shape.chin, 0.18, 0.165))
    return union(d, chin, 0.20)


def _cheeks(half: Array, shape: HeadShape) -> Array:
    full = shape.cheeks
    cheek = ellipsoid(half, (0.345, 0.31, -0.29), (0.25 * full, 0.27, 0.23 * full))
    lower = ellipsoid(half, (0.265, 0.21, -0.51), (0.25 * full, 0.28, 0.25))
    muzzle = ellipsoid(half, (0, 0.36, -0.66), (0.31, 0.24, 0.27))
    return union(union(cheek, lower, 0.16), muzzle, 0.14)


def _brow_ridge(half: Array, shape: HeadShape) -> Array:
    thick = shape.ridge
    return capsule(half, (0.10, 0.49, 0.21), (0.46, 0.35, 0.20), 0.10 * thick, 0.085 * thick)


def _socket(half: Array) -> Array:
    return ellipsoid(half, (0.335, 0.70, 0.0), (0.23, 0.20, 0.165))


def _nose(half: Array, nose: Nose) -> Array:
    wide, low, sunk = nose.width, nose.drop, half + vector((0, nose.sunk, 0))
    thick = 0.052 * nose.bridge, 0.062 * nose.bridge
    bridge = capsule(sunk, (0, 0.46, 0.14), (0, 0.655, -0.26 - low), *thick)
    radii = (0.088 * wide * nose.tip, 0.090 * nose.tip, 0.080 * nose.tip)
    tip = ellipsoid(sunk, (0, 0.725, -0.335 - low), radii)
    wing = ellipsoid(sunk, (0.090 * wide, 0.635, -0.372 - low), (0.056 * wide, 0.080, 0.054))
    d = union(bridge, tip, 0.09)
    return union(d, wing, 0.05)


def _nostril(half: Array, nose: Nose) -> Array:
    wide, low, sunk = nose.width, nose.drop, half + vector((0, nose.sunk, 0))
    inner, outer = (0.040 * wide, 0.715, -0.428 - low), (0.062 * wide, 0.665, -0.420 - low)
    return capsule(sunk, inner, outer, 0.016, 0.020)


def _philtrum(half: Array) -> Array:
    return capsule(half, (0, 0.735, -0.48), (0, 0.715, -0.565), 0.07)


def _lines(half: Array) -> Array:
    """How far age sinks the skin: lines across the forehead, bags under the eyes, folds beside the nose."""
    x, y, z = half.T
    fold = capsule(half, (0.155, 0.60, -0.36), (0.335, 0.50, -0.66), 0.0)
    bag = np.abs(np.hypot((x - 0.335) / 1.0, (z + 0.02) / 0.80) - 0.215)
    sunk = 0.022 * bell(fold, 0.032)
    sunk += 0.012 * bell(bag, 0.022) * smoothstep(-0.07, -0.13, z) * smoothstep(0.2, 0.3, y)
    across = smoothstep(0.40, 0.20, x) * smoothstep(0.3, 0.4, y)
    for height, depth in ((0.40, 0.008), (0.485, 0.010), (0.57, 0.008)):
        line = z - height - 0.022 * np.cos(7.0 * x) - 0.006 * np.sin(19.0 * x + 40.0 * height)
        sunk += depth * bell(line, 0.014) * across
    return sunk + 0.010 * bell(capsule(half, (0.045, 0.5, 0.13), (0.05, 0.5, 0.26), 0.0), 0.018)


def _ear(half: Array, ears: Ears, side: float) -> Array:
    """Distance to the ear at x > 0: a dished plate with a rolled rim, a lobe and a tragus.

    Args:
        half: (n, 3) points with x >= 0.
        ears: their shape.
        side: the x of the side of the head.
    """
    local = _ear_frame(half, ears, side)
    u, v, n = local.T
    drawn = ears.point / ears.size
    narrow = 1 - 0.22 * smoothstep(0.05, -0.22, v)
    across = (u - 0.6 * drawn * smoothstep(0.05, 0.40, v)) / narrow
    up = v - 0.5 * drawn * smoothstep(0.1, 0.3, v)
    edge = ellipsoid(np.stack([across, up, 0 * n], 1), (0, 0, 0), (0.125, 0.225, 1.0))
    dish = n + 0.03 * bell(np.hypot(u, v), 0.14)
    plate = np.hypot(np.maximum(edge, 0), dish) - 0.018
    rim = np.hypot(edge + 0.012, n - 0.022) - (0.020 + 0.012 * smoothstep(-0.1, 0.2, v))
    inner = np.hypot(edge + 0.068, n - 0.004) - 0.020 * smoothstep(-0.16, 0.0, v)
    d = union(union(plate, rim, 0.02), inner, 0.03)
    d = difference(d, ellipsoid(local, (-0.045, -0.035, 0.035), (0.050, 0.085, 0.045)), 0.03)
    d = union(d, ellipsoid(local, (-0.030, -0.205, 0.004), (0.058, 0.060, 0.034)), 0.035)
    d = union(d, ellipsoid(local, (-0.105, -0.035, 0.020), (0.026, 0.045, 0.030)), 0.03)
    return d * ears.size


def _ear_frame(half: Array, ears: Ears, side: float) -> Array:
    """Points in the ear's own axes: u away from where it grows, v up, n out of its hollow side."""
    centre = vector((side + 0.06 * ears.size, -0.20, -0.045))
    out, back = np.sin(ears.spread), np.cos(ears.spread)
    lean = 0.16
    u = vector((out, -back, 0))
    n = vector((back, out, 0))
    up = vector((0, -lean, 1)) / np.hypot(1, lean)
    offset = (half - centre) / ears.size
    return np.stack([offset @ u, offset @ up, offset @ n], 1).astype(np.float32)
