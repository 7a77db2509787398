"""Lips: two elliptical rolls along parametric curves, a seam between them, a faint smile; or parted."""

from __future__ import annotations

import numpy as np
from character import LipShape
from head import MOUTH, Head
from liplines import LipLines
from poses import REST, MouthPose
from sdf import Array, bell, difference, ellipsoid, front, smoothstep, union, vector

DEPTH = 0.072
"""Half the depth of a lip's roll."""

GROOVE_DEPTH = 0.10
"""How far behind the front of the face the seam reaches."""

FORWARD = 0.034, 0.036
"""How far the upper and the lower roll stand out."""

PROTRUSION = 0.075
"""How far round lips come forwards."""

SET_BACK = 0.050
"""How far a tucked lower lip lies back."""

INNER_EDGE = 0.034
"""Over which radius the edge of a parted lip is rounded at most; lips that hardly part have sharper ones."""


class Lips:
    """The rolls, fitted to the front of the face."""

    def __init__(self, shape: LipShape, head: Head) -> None:
        self.lines = LipLines(shape)
        self._x = np.linspace(0, 0.45, 46, dtype=np.float32)
        depth = front(head.bare, self._x, np.full_like(self._x, MOUTH))
        self._front = np.convolve(np.pad(depth, 4, "edge"), np.ones(9) / 9, "valid")

    def edges(self, x: Array) -> tuple[Array, Array, Array]:
        """Heights of the upper lip's top, the seam and the lower lip's bottom at `x` >= 0, at rest."""
        edges = self.lines.parted(x, REST)
        return edges.top, edges.upper, edges.bottom

    def depth(self, x: Array) -> Array:
        """The y of the face behind the lips at `x` >= 0."""
        return np.interp(x, self._x, self._front).astype(np.float32)

    def shifts(self, x: Array, pose: MouthPose) -> tuple[Array, Array]:
        """How far the upper and the lower lip have come forwards at `x` >= 0."""
        u = np.clip(x / self.lines.half_width(pose), 0, 1)
        both = PROTRUSION * pose.rounding * (1 - 0.45 * u**2) - 0.018 * pose.press * (1 - u**4)
        behind = 0.20 * pose.jaw + SET_BACK * pose.tuck
        return both, both - behind * (1 - u**2)

    def rolls(self, points: Array, pose: MouthPose = REST) -> tuple[Array, Array]:
        """Distances to the upper and the lower roll; `points` with x >= 0."""
        edges, (upper, lower) = self.lines.parted(points[:, 0], pose), self.shifts(points[:, 0], pose)
        return (
            self._roll(points, pose, (edges.upper, edges.top), FORWARD[0], upper),
            self._roll(points, pose, (edges.bottom, edges.lower), FORWARD[1], lower),
        )

    def add(self, head: Array, points: Array, pose: MouthPose = REST) -> Array:
        """The head with lips, and the seam or the opening between them; `points` with x >= 0."""
        upper, lower = self.rolls(points, pose)
        d = np.minimum(union(head, upper, 0.030), union(head, lower, 0.030))
        d = difference(d, self._groove(points, pose), 0.016)
        if not self.is_open(pose):
            return d
        here = pose.gap * self.lines.part(points[:, 0], pose)
        edge = np.minimum(0.010 + 0.30 * here, INNER_EDGE)
        d = difference(d, self._opening(points, pose), edge)
        return difference(d, self._bag(points, pose), 0.02)

    def is_open(self, pose: MouthPose) -> bool:
        """Whether there is a hole between the lips."""
        return pose.gap > 0

    def redness(self, points: Array, pose: MouthPose = REST) -> tuple[Array, Array]:
        """(n,) 0..1 twice: belonging to the vermilion, and to the dark seam; `points` with x >= 0."""
        x, y, z = points.T
        half, edges = self.lines.half_width(pose), self.lines.parted(x, pose)
        distance = np.minimum(*self.rolls(points, pose))
        inside = smoothstep(half + 0.008, half - 0.018, x) * (y > 0.3)
        line = bell(z - edges.upper, 0.010) * smoothstep(half + 0.012, half - 0.03, x) * (y > 0.3)
        line = line * smoothstep(0.012, 0.0, edges.upper - edges.lower)
        return smoothstep(0.016, -0.006, distance) * inside, line

    def inside(self, points: Array, pose: MouthPose) -> Array:
        """(n,) 0..1: belonging to the walls of the mouth; `points` with x >= 0."""
        if not self.is_open(pose):
            return np.zeros(len(points), np.float32)
        behind = self.depth(points[:, 0]) + self.shifts(points[:, 0], pose)[1] - points[:, 1]
        walls = np.minimum(self._opening(points, pose), self._bag(points, pose))
        return smoothstep(0.030, 0.010, walls) * smoothstep(0.035, 0.085, behind)

    def _roll(
        self, points: Array, pose: MouthPose, edges: tuple[Array, Array], forward: float, shift: Array
    ) -> Array:
        x, y, z = points.T
        (low, high), half = edges, self.lines.half_width(pose)
        u = np.clip(x / half, 0, 1)
        depth = DEPTH * np.sqrt(1 - 0.985 * u**2) + 0.008
        height = np.maximum((high - low) / 2, 0.006) * 1.12
        centre = self.depth(x) - depth + forward * np.sqrt(1 - 0.985 * u**2) - 0.010 * u**6 + shift
        beyond = np.maximum(x - half, 0) / 0.02
        k = np.sqrt(((y - centre) / depth) ** 2 + ((z - (low + high) / 2) / height) ** 2 + beyond**2)
        d = (k - 1) * np.minimum(height, depth) * 0.9
        return d if pose.rests else np.maximum(d, x - half - 0.012)

    def _groove(self, points: Array, pose: MouthPose) -> Array:
        """A sheet that just fails to cut: smooth subtraction leaves a shallow groove along the seam."""
        x, y, z = points.T
        shift = self.shifts(x, pose)[0]
        behind = (self.depth(x) + shift - GROOVE_DEPTH) - y
        seam = self.lines.seam(x, pose)
        return np.maximum(
            np.abs(z - seam) + 0.005, np.maximum(x - self.lines.half_width(pose) + 0.004, behind)
        )

    def _opening(self, points: Array, pose: MouthPose) -> Array:
        """A channel through the lips whose outline is a superellipse, higher above or below the seam."""
        x, y, z = points.T
        away = z - self.lines.seam(x, pose)
        reach = np.where(away > 0, max(pose.raised, 0.004), max(pose.lowered, 0.004))
        inner, power = self.lines.inner(pose), 1 / self.lines.power(pose)
        across, up = x / inner, np.abs(away) / reach
        value = across**2 + up**power - 1
        slope = np.hypot(2 * across / inner, power * up ** (power - 1) / reach) + 1e-3
        behind = (self.depth(x) - 0.32) - y
        outline = np.maximum(np.maximum(value / slope, x - inner), -0.5 * reach)
        return np.maximum(outline, behind)

    def _bag(self, points: Array, pose: MouthPose) -> Array:
        """The space behind the lips, around teeth and tongue."""
        drop = pose.jaw
        size = min(1.0, 0.35 + pose.gap / 0.06)
        centre = (0.0, 0.32, MOUTH - 0.03 - 0.5 * drop)
        radii = (0.285, 0.215, (0.14 + 0.5 * drop))
        return ellipsoid(points, centre, vector(radii) * size)
