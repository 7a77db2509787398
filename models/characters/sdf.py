"""Signed distance fields: the solids a character is modelled with, and the mesh of their surface.

Space: x to the viewer's right, y forward (out of the face), z up; the eyes lie at z = 0 and the chin near
z = -1.1. Points are (n, 3) float32, distances (n,) float32, negative inside. Formulas of the primitives
and of the smooth minimum: Inigo Quilez, "3D SDFs" and "smooth minimum" (iquilezles.org).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.floating[Any]]
Field = Callable[[Array], Array]
"""(n, 3) points -> (n,) distances."""

BLOCK = 6
"""Fine cells along the edge of one block of the sparse evaluation."""

CHUNK = 400_000
"""Points evaluated at once, to bound memory."""


@dataclass(frozen=True, slots=True, eq=False)
class Surface:
    """A triangle mesh.

    Attributes:
        vertices: (n, 3) float32.
        faces: (m, 3) int32 indices of vertices, counter-clockwise seen from outside.
        normals: (n, 3) float32, unit length, pointing out.
    """

    vertices: Array
    faces: npt.NDArray[np.int32]
    normals: Array


def vector(values: npt.ArrayLike) -> Array:
    """A float32 array."""
    return np.asarray(values, np.float32)


def length(vectors: Array) -> Array:
    """(n,) lengths of (n, 3) vectors: as numpy's `norm`, several times as fast."""
    return np.sqrt(np.einsum("ij,ij->i", vectors, vectors))


def smoothstep(low: float, high: float, value: Array) -> Array:
    """0 below `low`, 1 above `high` (or the reverse when `low > high`), smooth between."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def bell(distance: Array, radius: float) -> Array:
    """A Gaussian bump: 1 at 0, 1/e at `radius`."""
    return np.exp(-((distance / radius) ** 2))


def union(a: Array, b: Array, radius: float | Array) -> Array:
    """Both solids, their seam filled over about `radius`."""
    h = np.maximum(radius - np.abs(a - b), 0) / radius
    return np.minimum(a, b) - h * h * radius / 4


def intersection(a: Array, b: Array, radius: float) -> Array:
    """What both solids share, the edge rounded."""
    return -union(-a, -b, radius)


def difference(a: Array, b: Array, radius: float | Array) -> Array:
    """The solid `a` without `b`, the edge rounded."""
    return -union(-a, b, radius)


def ellipsoid(points: Array, centre: tuple[float, ...], radii: tuple[float, ...]) -> Array:
    """Distance to an ellipsoid (a bound, exact near the surface)."""
    scaled = (points - vector(centre)) / vector(radii)
    near = length(scaled) + 1e-6
    slope = length(scaled / vector(radii)) + 1e-6
    return near * (near - 1) / slope


def capsule(
    points: Array, a: tuple[float, ...], b: tuple[float, ...], radius_a: float, radius_b: float | None = None
) -> Array:
    """Distance to a rod with round ends whose radius runs from `radius_a` to `radius_b`."""
    start, axis = vector(a), vector(b) - vector(a)
    t = np.clip((points - start) @ axis / (axis @ axis), 0, 1)
    end = radius_a if radius_b is None else radius_b
    return length(points - start - t[:, None] * axis) - (radius_a + (end - radius_a) * t)


def mirrored(points: Array) -> Array:
    """The points brought to the side x >= 0 of a symmetric solid."""
    return np.stack([np.abs(points[:, 0]), points[:, 1], points[:, 2]], 1)


def gradient(field: Field, points: Array, step: float = 2e-3) -> Array:
    """(n, 3) unit vectors in which the distance grows: the normals on the surface."""
    slopes = np.empty_like(points)
    for axis in range(3):
        offset = np.zeros(3, np.float32)
        offset[axis] = step
        slopes[:, axis] = field(points + offset) - field(points - offset)
    return slopes / (length(slopes)[:, None] + 1e-9)


def project(field: Field, points: Array, height: Array | float = 0.0, steps: int = 3) -> Array:
    """Move points along the gradient until their distance is `height` (Newton's method)."""
    for _ in range(steps):
        points = points - (field(points) - height)[:, None] * gradient(field, points)
    return points.astype(np.float32)


def front(field: Field, x: Array, z: Array, start: float = 1.3) -> Array:
    """(n,) the y at which a viewer looking along -y meets the solid at (x, z)."""
    y = np.full(x.shape, start, np.float32)
    for _ in range(60):
        y -= np.clip(field(np.stack([x, y, z], 1)), -0.05, 0.3) * 0.85
    return y


def surface(field: Field, low: tuple[float, ...], high: tuple[float, ...], step: float) -> Surface:
    """Mesh the part of a solid inside a box with cells of edge `step`."""
    from skimage.measure import marching_cubes  # what is only drawn needs no mesh

    corner = vector(low)
    volume = _sample(field, corner, vector(high), step)
    vertices, faces, _, _ = marching_cubes(volume, 0.0)
    vertices = (corner + vertices * step).astype(np.float32)
    for _ in range(2):
        move = np.clip(field(vertices), -step / 2, step / 2)
        vertices -= move[:, None] * gradient(field, vertices)
    return Surface(vertices, faces.astype(np.int32), gradient(field, vertices))


def both_sides(half: Surface) -> Surface:
    """A mesh of the side x >= 0 together with its mirror image."""
    flip = vector((-1, 1, 1))
    return joined(half, Surface(half.vertices * flip, half.faces[:, ::-1], half.normals * flip))


def joined(a: Surface, b: Surface) -> Surface:
    """Two meshes as one."""
    return Surface(
        np.concatenate([a.vertices, b.vertices]),
        np.concatenate([a.faces, b.faces + np.int32(len(a.vertices))]),
        np.concatenate([a.normals, b.normals]),
    )


def outside(shape: Surface, low: tuple[float, ...], high: tuple[float, ...]) -> Surface:
    """The part of a mesh that does not lie in a box."""
    within = ((shape.vertices > vector(low)) & (shape.vertices < vector(high))).all(1)
    faces = shape.faces[~within[shape.faces].all(1)]
    kept, place = np.unique(faces, return_inverse=True)
    return Surface(shape.vertices[kept], place.reshape(faces.shape).astype(np.int32), shape.normals[kept])


def _sample(field: Field, low: Array, high: Array, step: float) -> Array:
    """The field on a grid, evaluated only in the blocks that the surface may cross; elsewhere its sign."""
    edge = BLOCK * step
    blocks = tuple(np.ceil((high - low) / edge).astype(int))
    index = np.indices(blocks).reshape(3, -1).T
    centre_distance = _evaluate(field, low + (index.astype(np.float32) + 0.5) * edge)
    signs = np.where(centre_distance > 0, 1, -1).astype(np.float32).reshape(blocks)
    volume = np.kron(signs, np.ones((BLOCK,) * 3, np.float32))
    active = index[np.abs(centre_distance) < 1.2 * edge + 0.02]
    cells = np.indices((BLOCK,) * 3).reshape(3, -1).T
    fine = (active[:, None] * BLOCK + cells).reshape(-1, 3)
    volume[tuple(fine.T)] = _evaluate(field, low + fine.astype(np.float32) * step)
    return volume


def _evaluate(field: Field, points: Array) -> Array:
    return np.concatenate([field(points[i : i + CHUNK]) for i in range(0, len(points), CHUNK)])
