"""The head without lids and lips: skull, jaw, cheeks, nose and neck as one smooth solid.

The ears are left out: the hair of every character here covers them.
"""

from __future__ import annotations

from sdf import Array, capsule, difference, ellipsoid, mirrored, union

MOUTH = -0.675
"""Height of the mouth line."""


def face(points: Array) -> Array:
    """Distance to the bare head."""
    half = mirrored(points)
    d = union(_skull(half), _jaw(half), 0.14)
    d = union(d, _cheeks(half), 0.16)
    d = union(d, _brow_ridge(half), 0.12)
    d = difference(d, _socket(half), 0.14)
    d = union(d, _nose(half), 0.10)
    d = difference(d, _nostril(half), 0.02)
    d = difference(d, _philtrum(half), 0.05)
    return union(d, neck(half), 0.10)


def neck(points: Array) -> Array:
    """Distance to the neck and the top of the chest."""
    d = capsule(points, (0, -0.32, -0.6), (0, -0.36, -1.75), 0.315, 0.335)
    return union(d, ellipsoid(points, (0, -0.46, -1.95), (0.50, 0.26, 0.30)), 0.25)


def skull(points: Array) -> Array:
    """Distance to the smooth head on which hair grows: no features, no neck."""
    return union(_skull(points), ellipsoid(points, (0, 0, -0.22), (0.62, 0.55, 0.78)), 0.12)


def _skull(half: Array) -> Array:
    cranium = ellipsoid(half, (0, -0.28, 0.36), (0.725, 0.86, 0.80))
    forehead = ellipsoid(half, (0, 0.13, 0.38), (0.59, 0.48, 0.50))
    return union(cranium, forehead, 0.15)


def _jaw(half: Array) -> Array:
    d = ellipsoid(half, (0, 0, -0.20), (0.60, 0.56, 0.75))
    d = union(d, capsule(half, (0.385, -0.12, -0.44), (0.11, 0.33, -0.83), 0.15, 0.15), 0.20)
    chin = ellipsoid(half, (0, 0.395, -0.865), (0.14, 0.18, 0.165))
    return union(d, chin, 0.20)


def _cheeks(half: Array) -> Array:
    cheek = ellipsoid(half, (0.345, 0.31, -0.29), (0.25, 0.27, 0.23))
    lower = ellipsoid(half, (0.265, 0.21, -0.51), (0.25, 0.28, 0.25))
    muzzle = ellipsoid(half, (0, 0.36, -0.66), (0.31, 0.24, 0.27))
    return union(union(cheek, lower, 0.16), muzzle, 0.14)


def _brow_ridge(half: Array) -> Array:
    return capsule(half, (0.10, 0.49, 0.21), (0.46, 0.35, 0.20), 0.10, 0.085)


def _socket(half: Array) -> Array:
    return ellipsoid(half, (0.335, 0.70, 0.0), (0.23, 0.20, 0.165))


def _nose(half: Array) -> Array:
    bridge = capsule(half, (0, 0.46, 0.14), (0, 0.655, -0.26), 0.052, 0.062)
    tip = ellipsoid(half, (0, 0.725, -0.335), (0.088, 0.090, 0.080))
    wing = ellipsoid(half, (0.090, 0.635, -0.372), (0.056, 0.080, 0.054))
    d = union(bridge, tip, 0.09)
    return union(d, wing, 0.05)


def _nostril(half: Array) -> Array:
    return capsule(half, (0.040, 0.715, -0.428), (0.062, 0.665, -0.420), 0.016, 0.020)


def _philtrum(half: Array) -> Array:
    return capsule(half, (0, 0.735, -0.48), (0, 0.715, -0.565), 0.07)
