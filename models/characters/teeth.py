"""Teeth, gums and tongue."""

from __future__ import annotations

import numpy as np
from character import Colour
from head import MOUTH
from jaw import turned
from poses import MouthPose
from sdf import Array, Surface, bell, capsule, mirrored, smoothstep, surface, union, vector

ARCH = (0.285, 0.42)
"""Half width and depth of the upper row's arch."""

FRONT = 0.535
"""How far forward the upper incisors reach."""

UPPER_WIDTHS = (0.090, 0.070, 0.077, 0.072, 0.070, 0.100)
UPPER_HEIGHTS = (0.112, 0.098, 0.108, 0.090, 0.085, 0.08)
LOWER_WIDTHS = (0.056, 0.062, 0.070, 0.072, 0.074, 0.100)
LOWER_HEIGHTS = (0.092, 0.092, 0.098, 0.085, 0.080, 0.08)
"""From the middle outwards; a length of 1 is about 94 mm."""

UPPER_EDGE, LOWER_EDGE = MOUTH - 0.022, MOUTH - 0.026
"""Heights of the biting edges while the jaw is shut; the lower row lies behind the upper one."""


class Row:
    """One row of teeth with its gum, the jaw shut.

    Args:
        upper: whether it is the upper one.
    """

    def __init__(self, upper: bool) -> None:
        self._sign = 1.0 if upper else -1.0
        self._edge = UPPER_EDGE if upper else LOWER_EDGE
        self._front = FRONT if upper else FRONT - 0.040
        self._arch = ARCH if upper else (ARCH[0] - 0.025, ARCH[1] - 0.01)
        widths = UPPER_WIDTHS if upper else LOWER_WIDTHS
        self._heights = UPPER_HEIGHTS if upper else LOWER_HEIGHTS
        self._widths = widths
        self._angles = self._placed(widths)

    def solid(self, points: Array) -> Array:
        """Distance to the row."""
        half = mirrored(points)
        return union(self._teeth(half), self._gum(half), 0.010)

    def tint(self, points: Array, tooth: Colour, gum: Colour) -> Array:
        """(n, 3) tints: darker towards the gum and the back."""
        half = mirrored(points)
        gums = smoothstep(-0.003, 0.006, self._teeth(half) - self._gum(half))[:, None]
        back = smoothstep(self._front - 0.02, self._front - 0.26, points[:, 1])[:, None]
        teeth = vector(tooth) * (1 - 0.45 * back)
        return np.clip(teeth + (vector(gum) * (1 - 0.4 * back) - teeth) * gums, 0, 1)

    def surface(self, step: float) -> Surface:
        """Its mesh."""
        return surface(self.solid, (-0.36, 0.08, MOUTH - 0.28), (0.36, 0.60, MOUTH + 0.28), step)

    def _on_arch(self, angle: Array) -> tuple[Array, Array]:
        wide, deep = self._arch
        return wide * np.sin(angle), self._front - deep * (1 - np.cos(angle))

    def _placed(self, widths: tuple[float, ...]) -> Array:
        """Angles of the teeth's middles along the arch."""
        angle = np.linspace(0, np.pi / 2, 400)
        x, y = self._on_arch(angle)
        along = np.concatenate([[0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
        ends = np.cumsum(widths)
        return np.interp(ends - np.array(widths) / 2, along, angle)

    def _teeth(self, half: Array) -> Array:
        d = np.full(len(half), 9.0, np.float32)
        for angle, width, height in zip(self._angles, self._widths, self._heights, strict=True):
            d = np.minimum(d, self._tooth(half, float(angle), width, height))
        return d

    def _tooth(self, half: Array, angle: float, width: float, height: float) -> Array:
        """A rounded box, narrower and thicker towards the gum."""
        x, y = self._on_arch(np.array(angle))
        out = vector((np.sin(angle) / self._arch[0], np.cos(angle) / self._arch[1]))
        out /= np.linalg.norm(out)
        dx, dy = half[:, 0] - x, half[:, 1] - y
        across, deep = dx * out[1] - dy * out[0], dx * out[0] + dy * out[1]
        up = (half[:, 2] - self._edge) * self._sign
        towards = np.clip(up / height, 0, 1.3)
        wide = width / 2 - 0.0008 - 0.05 * width * towards
        thick = 0.016 + 0.020 * np.sqrt(towards + 0.02)
        corner = 0.013
        box = np.stack(
            [
                np.abs(across) - wide + corner,
                np.abs(deep + thick) - thick + corner,
                np.abs(up - height * 0.6) - height * 0.6 + corner,
            ]
        )
        outside = np.sqrt(np.square(np.maximum(box, 0)).sum(0))
        return outside + np.minimum(box.max(0), 0) - corner

    def _gum(self, half: Array) -> Array:
        """A band along the arch with a scalloped edge."""
        x, y, z = half.T
        wide, deep = self._arch
        across, along = x / wide, (y - self._front + deep) / deep
        value = np.hypot(across, along) - 1
        slope = np.hypot(across / wide, along / deep) / np.maximum(value + 1, 0.05)
        from_arch = np.abs(value / slope + 0.030) - 0.034
        angle = np.arctan2(across, along)
        heights = np.interp(angle, self._angles, self._heights)
        ends = np.interp(angle, self._angles, np.arange(len(self._angles)))
        scallop = 0.010 * (0.5 - 0.5 * np.cos(2 * np.pi * ends))
        up = (z - self._edge) * self._sign
        band = np.maximum(heights - scallop - up, up - heights - 0.13)
        return np.maximum(np.maximum(from_arch, band), 0.12 - y)


def opened(shape: Surface, angle: float) -> Surface:
    """A mesh of the lower jaw, opened by `angle` radians."""
    origin = turned(np.zeros((1, 3), np.float32), angle)
    return Surface(turned(shape.vertices, angle), shape.faces, turned(shape.normals, angle) - origin)


def tongue(pose: MouthPose, step: float) -> Surface:
    """The tongue's mesh."""
    back = vector([(0.0, 0.08, MOUTH - 0.08), (0.0, 0.25, MOUTH - 0.085), (0.0, 0.40, MOUTH - 0.105)])
    lying = turned(back, pose.jaw)
    raised = vector([lying[0], lying[1] + vector((0, 0.02, 0.05)), (0.0, FRONT - 0.085, UPPER_EDGE + 0.012)])
    out = vector([lying[0], lying[1] + vector((0, 0.05, 0.05)), (0.0, FRONT + 0.035, UPPER_EDGE - 0.030)])
    line = lying + (raised - lying) * pose.tongue + (out - lying) * pose.between

    def solid(points: Array) -> Array:
        half = mirrored(points) * vector((0.55, 1, 1.25))
        a, b, c = (tuple((place * vector((0.55, 1, 1.25))).tolist()) for place in line)
        thin = 0.052 - 0.012 * max(pose.tongue, pose.between)
        d = union(capsule(half, a, b, 0.13, 0.10), capsule(half, b, c, 0.10, thin), 0.05)
        furrow = 0.008 * bell(points[:, 0], 0.03)
        return (d + furrow) * 0.8

    return surface(solid, (-0.30, -0.15, MOUTH - 0.50), (0.30, 0.66, MOUTH + 0.20), step)
