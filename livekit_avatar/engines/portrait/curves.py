"""Small pieces of mathematics: smooth steps, curves through points, and the thin-plate spline."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Reals = npt.NDArray[np.float64]


def ramp(low: float, high: float, x: npt.ArrayLike) -> Reals:
    """Smoothstep: 0 up to `low`, 1 from `high`, with flat ends."""
    t = np.clip((np.asarray(x, np.float64) - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def bump(x: npt.ArrayLike, width: npt.ArrayLike) -> Reals:
    """Gaussian of height 1: exp(-(x/width)^2)."""
    return np.exp(-np.square(np.asarray(x, np.float64) / np.asarray(width, np.float64)))


def resample(points: Reals, count: int) -> Reals:
    """`count` points at equal arc length along a polyline, (n, d) -> (count, d), rounded by a Catmull-Rom."""
    length = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    at = np.linspace(0, length[-1], count)
    return catmull(length, points, at)


def catmull(x: Reals, y: Reals, at: Reals) -> Reals:
    """Cubic Hermite through (n,) strictly rising x and (n, ...) y with central-difference slopes."""
    slope = np.gradient(y, x, axis=0)
    i = np.clip(np.searchsorted(x, at, side="right") - 1, 0, len(x) - 2)
    h = x[i + 1] - x[i]
    t = np.clip((at - x[i]) / h, 0, 1)
    shape = (-1,) + (1,) * (y.ndim - 1)
    t, h = t.reshape(shape), h.reshape(shape)
    curve: Reals = (
        (1 + 2 * t) * (1 - t) ** 2 * y[i]
        + t * (1 - t) ** 2 * h * slope[i]
        + t * t * (3 - 2 * t) * y[i + 1]
        + t * t * (t - 1) * h * slope[i + 1]
    )
    return curve


def function_of_x(points: Reals, at: Reals) -> Reals:
    """Height of a curve at the places `at`: (n, 2) points in any order, flat beyond its ends.

    Points that fold back over one another (a far mouth corner in a turned face) are averaged.
    """
    order = np.argsort(points[:, 0], kind="stable")
    x, y = points[order, 0], points[order, 1]
    reach = max(float(np.ptp(x)), 1e-6)
    group = np.concatenate([[0], np.cumsum(np.diff(x) > 0.01 * reach)])
    count = np.bincount(group)
    x, y = np.bincount(group, x) / count, np.bincount(group, y) / count
    if len(x) < 2:
        return np.full(np.shape(at), y[0])
    return catmull(x, y, np.ravel(at)).reshape(np.shape(at))


def thin_plate(points: Reals, values: Reals, at: Reals, *, smoothing: float) -> Reals:
    """Interpolate scattered values by a smoothing thin-plate spline (Wahba, Spline Models, 1990, 2.4).

    Args:
        points: (n, 2) distinct places.
        values: (n, m) what is known there.
        at: (k, 2) places to interpolate at.
        smoothing: added to the kernel's diagonal; 0 passes through the values.

    Returns:
        (k, m).
    """
    n = len(points)
    system = np.zeros((n + 3, n + 3))
    system[:n, :n] = _kernel(points, points) + smoothing * np.eye(n)
    plane = np.column_stack([np.ones(n), points])
    system[:n, n:], system[n:, :n] = plane, plane.T
    weights = np.linalg.solve(system, np.concatenate([values, np.zeros((3, values.shape[1]))]))
    return np.concatenate([_spread(part, points, weights) for part in _parts(at)])


def _parts(at: Reals) -> list[Reals]:
    """A few hundred places at a time: whole grids against all points would take a hundred megabytes."""
    return np.array_split(at, max(1, len(at) // 256))


def _spread(at: Reals, points: Reals, weights: Reals) -> Reals:
    spread: Reals = np.column_stack([_kernel(at, points), np.ones(len(at)), at]) @ weights
    return spread


def _kernel(a: Reals, b: Reals) -> Reals:
    """r^2 log r of all distances, 0 at r = 0."""
    squared = np.square(np.subtract.outer(a[:, 0], b[:, 0]))
    squared += np.square(np.subtract.outer(a[:, 1], b[:, 1]))
    kernel: Reals = np.log(np.maximum(squared, 1e-20))
    kernel *= squared
    kernel *= 0.5
    return kernel
