"""Outlines of the eyes and the mouth, better than the face mesh knows them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from livekit_avatar.engines.portrait import topology as mesh
from livekit_avatar.engines.portrait.curves import Reals, resample
from livekit_avatar.engines.portrait.head import Head
from livekit_avatar.engines.portrait.sampling import sample
from livekit_avatar.types import Floats, Image

CLOSED_GAP: Final = 0.035
"""A mean gap between the inner lip contours below this, in units, is noise: the mouth is closed."""

Rings = tuple[tuple[int, ...], ...]

EYE_POINTS: Final = 17
LIP_POINTS: Final = 21

_LIP_MARGIN = 0.008
"""How far inside a lip its edge is cut, units."""

_SEARCH, _OFFSETS, _STATIONS = 0.045, 25, 61
"""How far from the mesh's lip line the true one is searched (units), in how many steps and places."""


@dataclass(frozen=True, slots=True, eq=False)
class Contours:
    """True outlines where they are known, as of a rendered character; None leaves it to the face mesh.

    All are (n, 2) float32 in pixels of the source picture. Left and right are the subject's; lid contours run
    from the inner corner to the outer one, lip contours from the viewer's left to right.
    """

    right_eye_upper: Floats | None = None
    right_eye_lower: Floats | None = None
    left_eye_upper: Floats | None = None
    left_eye_lower: Floats | None = None
    lip_top: Floats | None = None
    lip_line: Floats | None = None
    lip_bottom: Floats | None = None


def eye_contours(points: Reals, contours: Contours) -> Reals:
    """(2, 2, 17, 2): right and left eye, upper and lower lid, from the inner corner to the outer one."""
    known = (
        (contours.right_eye_upper, mesh.RIGHT_EYE_UPPER),
        (contours.right_eye_lower, mesh.RIGHT_EYE_LOWER),
        (contours.left_eye_upper, mesh.LEFT_EYE_UPPER),
        (contours.left_eye_lower, mesh.LEFT_EYE_LOWER),
    )
    lids = [
        resample(points[list(indices), :2] if true is None else np.asarray(true, np.float64), EYE_POINTS)
        for true, indices in known
    ]
    return np.stack(lids).reshape(2, 2, EYE_POINTS, 2)


def settle_lips(image: Image, points: Reals, contours: Contours) -> Reals:
    """Move the mesh's lip points to the true contours.

    These are the known ones, or what the picture shows: the darkest path between closed lips, the edges of
    open lips' colour.

    Args:
        image: (H, W, 4) uint8 RGBA.
        points: (478, 3) landmarks in its pixels.
        contours: what is known better.

    Returns:
        A copy of `points`. In a closed mouth the inner points of both lips lie on one line.
    """
    settled: Reals = points.copy()
    if contours.lip_line is not None:
        _fit_rings(settled, contours)
    elif inner_gap(points) < CLOSED_GAP:
        _close(settled, _darkest_line(image, points))
    else:
        for rings, away in ((mesh.UPPER_RINGS, -1), (mesh.LOWER_RINGS, 1)):
            settled[list(rings[0]), :2] = _lip_edge(image, points, rings, away)
    return settled


def inner_gap(points: Reals) -> float:
    """Mean gap between the inner lip contours over the middle of the mouth, units."""
    upper, lower = points[list(mesh.LIP_INNER_UPPER[3:8]), :2], points[list(mesh.LIP_INNER_LOWER[3:8]), :2]
    return float(np.linalg.norm(upper - lower, axis=1).mean() / Head.of(points).unit)


def _fit_rings(points: Reals, contours: Contours) -> None:
    """Spread the lip rings between the true inner line and the true borders."""
    line = resample(np.asarray(contours.lip_line, np.float64), 11)
    for rings, border in ((mesh.UPPER_RINGS, contours.lip_top), (mesh.LOWER_RINGS, contours.lip_bottom)):
        outer = points[list(rings[3]), :2] if border is None else resample(np.asarray(border, np.float64), 11)
        for ring, depth in zip(rings, (0.0, 0.33, 0.66, 1.0), strict=True):
            points[list(ring), :2] = line + (outer - line) * depth
    _close(points, line)


def _close(points: Reals, line: Reals) -> None:
    """Put the inner points of both lips on one line, (11, 2)."""
    upper, lower = list(mesh.LIP_INNER_UPPER), list(mesh.LIP_INNER_LOWER)
    depth = (points[upper, 2] + points[lower, 2]) / 2
    points[upper] = points[lower] = np.column_stack([line, depth])


def _darkest_line(image: Image, points: Reals) -> Reals:
    """(11, 2) the inner lip points moved up or down onto the dark line between closed lips."""
    middle = (points[list(mesh.LIP_INNER_UPPER), :2] + points[list(mesh.LIP_INNER_LOWER), :2]) / 2
    gray = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGBA2GRAY), np.float32)
    return _moved_line(gray, middle, Head.of(points), lambda light: light - light.min(axis=1, keepdims=True))


def _lip_edge(image: Image, points: Reals, rings: Rings, away: int) -> Reals:
    """(11, 2) the inner points of a lip of an open mouth moved outwards to where the lip's colour begins.

    A sliver of tooth or shadow left on a lip shows in every frame; a sliver of lip that is lost does not.

    Args:
        image: the picture.
        points: its landmarks.
        rings: the lip's, from the inside out.
        away: -1 for the upper lip, which lies above its edge, 1 for the lower lip.
    """
    lab = cv2.cvtColor(np.ascontiguousarray(image[..., :3]), cv2.COLOR_RGB2LAB).astype(np.float32)
    x, y = np.round(points[[i for ring in rings[1:3] for i in ring[3:8]], :2]).astype(int).T
    lip = np.median(lab[y.clip(0, len(lab) - 1), x.clip(0, lab.shape[1] - 1)], axis=0)
    foreign = np.linalg.norm((lab - lip) * (0.5, 1, 1), axis=2).clip(0, 60).astype(np.float32)
    line = points[list(rings[0]), :2]
    head = Head.of(points)
    inwards = 30.0 * (np.linspace(-1, 1, _OFFSETS) * away < 0)
    moved = _moved_line(foreign, line, head, lambda f: 2 * away * np.gradient(f, axis=1) + inwards)
    moved += away * _LIP_MARGIN * head.unit * head.upright[1]
    free = np.clip(np.minimum(np.arange(11), np.arange(11)[::-1]) / 3, 0, 1)[:, None]
    return line + (moved - line) * free


def _moved_line(plane: Floats, line: Reals, head: Head, cost: Callable[[Reals], Reals]) -> Reals:
    """A line of eleven points moved up and down to where it costs least.

    Args:
        plane: (H, W) float32 what is looked at.
        line: (11, 2) pixels.
        head: gives the directions and the unit.
        cost: values of the plane across the line, (stations, offsets) from above it to below -> cost.
    """
    at = np.linspace(0, 10, _STATIONS)
    stations = np.stack([np.interp(at, range(11), line[:, i]) for i in (0, 1)], axis=1)
    offsets = np.linspace(-_SEARCH, _SEARCH, _OFFSETS) * head.unit
    places = (stations[:, None] + offsets[None, :, None] * head.upright[1]).astype(np.float32)
    soft = cv2.GaussianBlur(np.asarray(plane, np.float32), (0, 0), max(head.unit / 90, 0.5))
    seen = cost(sample(np.asarray(soft, np.float32), places).astype(np.float64))
    seen = seen / max(float(abs(seen).max()), 1e-6)
    path = _cheapest_path(seen + 0.15 * np.linspace(-1, 1, _OFFSETS) ** 2)
    shift = cv2.GaussianBlur(offsets[path].astype(np.float32)[None], (0, 0), 3)[0]
    moved: Reals = line + np.interp(np.arange(11), at, shift)[:, None] * head.upright[1]
    return moved


def _cheapest_path(cost: Reals) -> list[int]:
    """Dynamic programming: one offset a station, moving by at most one step from station to station."""
    total, came_from = cost.copy(), np.zeros(cost.shape, np.intp)
    for i in range(1, len(cost)):
        for j in range(cost.shape[1]):
            near = np.arange(max(0, j - 1), min(cost.shape[1], j + 2))
            price = total[i - 1, near] + 0.05 * abs(near - j)
            best = int(price.argmin())
            total[i, j] += price[best]
            came_from[i, j] = near[best]
    path = [int(total[-1].argmin())]
    for i in range(len(cost) - 1, 0, -1):
        path.append(int(came_from[i, path[-1]]))
    return path[::-1]
