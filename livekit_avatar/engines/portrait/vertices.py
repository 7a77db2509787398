"""Where each vertex of the face mesh lies as seen from the mouth: the coordinates of all shapes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from livekit_avatar.engines.portrait import topology as mesh
from livekit_avatar.engines.portrait.curves import Reals, bump, function_of_x, ramp
from livekit_avatar.engines.portrait.head import Head


@dataclass(frozen=True, slots=True, eq=False)
class Vertices:
    """The mesh seen from the mouth, every field (468,) in units of the head, all from the viewer's side.

    Attributes:
        x: to the viewer's right of the middle of the mouth.
        y: below it.
        t: x over the half width of the mouth on that side: -1 and 1 are the corners.
        profile: 1 - t^2, and 0 beyond the corners: an opening lip's parabola.
        v: below the line between the lips.
        ring: 0 at the inner edge of a lip .. 1 at the vermilion border, and on the skin.
        upper: 1 on the upper lip, without the corners.
        lower: 1 on the lower lip, without the corners.
        corner: 1 at the corners of the mouth.
        above: 1 above the line between the lips.
        below: 1 below it.
        near: 1 at the mouth, falling off over the skin around it.
        on_lips: 1 on lips and corners, `near` elsewhere.
        with_lips: as `on_lips`, but reaching further over the cheeks.
        jaw: 1 on the chin, 0 from the sides of the jaw outwards.
        half_width: of the mouth, units (not per vertex).
    """

    x: Reals
    y: Reals
    t: Reals
    profile: Reals
    v: Reals
    ring: Reals
    upper: Reals
    lower: Reals
    corner: Reals
    above: Reals
    below: Reals
    near: Reals
    on_lips: Reals
    with_lips: Reals
    jaw: Reals
    half_width: float

    @classmethod
    def of(cls, head: Head) -> Vertices:
        """Measure the mesh of a head."""
        xyz = head.canonical(head.points[: mesh.VERTICES])
        x, y = xyz[:, 0], xyz[:, 1]
        right, left = abs(x[mesh.RIGHT_MOUTH]), abs(x[mesh.LEFT_MOUTH])
        t = x / np.where(x < 0, right, left)
        profile = np.clip(1 - t * t, 0, None)
        v = y - _lip_line(xyz, x)
        upper, lower, corner = _lips(mesh.UPPER_RINGS), _lips(mesh.LOWER_RINGS), _mask(mesh.MOUTH_CORNERS)
        below = np.where(upper > 0, 0.0, np.maximum(lower, v > 0))
        half_width = float(right + left) / 2
        beyond = np.maximum(abs(t) - 1, 0) * half_width
        near = bump(beyond, 0.22) * bump(v, np.where(v < 0, 0.28, 0.34))
        cheeks = bump(beyond, 0.40) * bump(v, np.where(v < 0, 0.36, 0.28))
        on_lips, with_lips = (np.where(upper + lower + corner > 0, 1.0, skin) for skin in (near, cheeks))
        jaws = np.where(x < 0, abs(x[mesh.RIGHT_JAW]), abs(x[mesh.LEFT_JAW]))
        return cls(
            x, y, t, profile, v, _ring(), upper, lower, corner, 1 - below, below, near, on_lips, with_lips,
            1 - ramp(0.48, 1.15, abs(x) / jaws), half_width,
        )  # fmt: skip


def _lip_line(xyz: Reals, x: Reals) -> Reals:
    middle = (xyz[list(mesh.LIP_INNER_UPPER)] + xyz[list(mesh.LIP_INNER_LOWER)]) / 2
    return function_of_x(middle[:, :2], x)


def _mask(indices: tuple[int, ...]) -> Reals:
    mask = np.zeros(mesh.VERTICES)
    mask[list(indices)] = 1
    return mask


def _lips(rings: tuple[tuple[int, ...], ...]) -> Reals:
    return _mask(tuple(i for ring in rings for i in ring[1:-1]))


def _ring() -> Reals:
    ring = np.ones(mesh.VERTICES)
    for rings in (mesh.UPPER_RINGS, mesh.LOWER_RINGS):
        for depth, indices in zip((0.0, 0.33, 0.66), rings[:3], strict=True):
            ring[list(indices)] = depth
    return ring
