"""A mouth drawn flat: lips, teeth and tongue as filled outlines, in the poses of those that are rendered."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from character import LipShape
from flat import Fill, Reals, brush, curve, ellipse
from liplines import LipLines
from poses import REST, MouthPose
from sdf import smoothstep, union

UNIT = 233.0
"""Of the sheet's units, how many are one length of the scene: her eyes are as far apart as theirs."""

POINTS = 61
"""Of a line of parted lips."""

ABOVE, BESIDE, BELOW = 24.0, 42.0, 36.0
"""How far from the lips the skin follows them."""

JAW_TOP, JAW_BOTTOM = 560.0, 672.0
"""Heights between which the face begins to go with the jaw."""

CHIN = 0.85
"""How far the chin falls for each radian that the jaw turns, in lengths of the scene."""

TOUCH = 1.5
"""Lips nearer than this touch."""

DEEP, TEETH, TONGUE = "#5c1f2c", "#fff6ec", "#d9777c"

UPPER_TEETH, TONGUE_DEPTH = 0.030, 0.045
"""How far below the line of the closed lips the upper row ends and the tongue's middle lies."""

BEHIND = 0.035
"""How much higher the row ends behind round lips."""


@dataclass(frozen=True, slots=True)
class FlatMouth:
    """A mouth on the sheet.

    Attributes:
        middle: (x, y) of the line between the lips.
        half: from there to a corner.
        upper: height of the upper lip.
        lower: depth of the lower lip.
        smile: how much higher the corners lie.
        red, dark, line: colours of the lower lip, the upper one and what is between them.
    """

    middle: tuple[float, float]
    half: float
    upper: float
    lower: float
    smile: float
    red: str
    dark: str
    line: str

    def lips(self, count: int, pose: MouthPose = REST) -> tuple[Reals, Reals, Reals, Reals]:
        """(count, 2) the upper lip's top, both edges of the opening, and the lower lip's bottom."""
        u = np.linspace(-1, 1, count)
        x, v = self.middle[0] + self.half * u, abs(u)
        seam = self.middle[1] - self.smile * v**2.0
        bow = 1 + 0.16 * np.exp(-(((v - 0.27) / 0.18) ** 2)) - 0.24 * np.exp(-((v / 0.13) ** 2))
        top = seam - self.upper * (1 - v**1.7) ** 0.8 * bow
        bottom = seam + self.lower * (1 - v**2.1) ** 0.75
        rest = (np.stack([x, y], 1) for y in (top, seam, seam, bottom))
        first, second, third, last = (line + way for line, way in zip(rest, self.ways(u, pose), strict=True))
        return first, second, third, last

    def ways(self, u: Reals, pose: MouthPose) -> tuple[Reals, ...]:
        """(n, 2) how far each of the four lines has come, at shares `u` of the way to a corner, -1..1."""
        if pose.rests:
            return (np.zeros((len(u), 2)),) * 4
        lines = self._lines()
        now, was = (lines.parted(abs(u) * lines.half_width(p), p) for p in (pose, REST))
        across = u * (lines.half_width(pose) - lines.half_width(REST))
        return tuple(
            UNIT * np.stack([across, getattr(was, name) - getattr(now, name)], 1)
            for name in ("top", "upper", "lower", "bottom")
        )

    def moved(self, points: Reals, pose: MouthPose) -> Reals:
        """(n, 2) places of the skin where the pose has taken them."""
        x, y = points.T
        side = (x - self.middle[0]) / self.half
        u = union(abs(side), np.ones_like(side), 0.3) * np.sign(side)
        top, _, _, bottom = self.ways(u, pose)
        high, low = self.middle[1] - self.smile * u**2 - self.upper, self.middle[1] + self.lower
        down = smoothstep(0.0, 1.0, (y - high) / (low - high))[:, None]
        lips = top + (bottom - top) * down
        away = np.hypot(np.maximum(high - y, 0) / ABOVE, np.maximum(y - low, 0) / BELOW)
        away = np.hypot(away, np.maximum(abs(side) - 1, 0) * self.half / BESIDE)
        jaw = np.stack([0 * y, self.drop(pose) * smoothstep(JAW_TOP, JAW_BOTTOM, y)], 1)
        there: Reals = points + jaw + (lips - jaw) * np.exp(-(away**2))[:, None]
        return there

    def drop(self, pose: MouthPose) -> float:
        """How far the chin has fallen."""
        return UNIT * CHIN * pose.jaw

    def fills(self, count: int, pose: MouthPose) -> list[Fill]:
        """What is painted."""
        lines = self.lips(count if pose.rests else POINTS, pose)
        top, upper, lower, bottom = (curve(line) for line in lines)
        inside = [] if pose.gap == 0 else self._inside(np.concatenate([upper, lower[::-1]]), pose)
        return [
            Fill(np.concatenate([top, bottom[::-1]]), self.red),
            Fill(np.concatenate([top, upper[::-1]]), self.dark),
            *inside,
            *self._seams(upper, lower),
        ]

    def _seams(self, upper: Reals, lower: Reals) -> list[Fill]:
        """The dark line where lips touch: all along, or beside the opening."""
        touching = np.flatnonzero(np.abs(lower[:, 1] - upper[:, 1]) < TOUCH)
        if len(touching) == len(upper):
            return [Fill(brush(upper, (2, 5, 2)), self.line)]
        left, right = (touching[side * (upper[touching, 0] - self.middle[0]) > 0] for side in (-1, 1))
        return [
            Fill(brush(upper[rows], width), self.line)
            for rows, width in ((left, (2, 5)), (right, (5, 2)))
            if len(rows) > 1
        ]

    def _inside(self, opening: Reals, pose: MouthPose) -> list[Fill]:
        x, y = self.middle
        edge = y + (UPPER_TEETH - BEHIND * pose.rounding) * UNIT
        low = y + (TONGUE_DEPTH + 0.95 * pose.jaw) * UNIT
        tip = low + (edge + 4 - low) * pose.tongue
        fills = [
            Fill(opening, DEEP),
            Fill(ellipse(x, low, 38, min(24.0, 8 + 90 * pose.jaw)), TONGUE, opening),
            Fill(ellipse(x, edge - 30, 58, 30), TEETH, opening),
        ]
        if pose.tongue:
            fills.insert(2, Fill(ellipse(x, tip + 14, 27, 20), TONGUE, opening))
        if pose.between:
            fills.append(Fill(ellipse(x, edge + 10, 26, 13), TONGUE, opening))
        return fills

    def _lines(self) -> LipLines:
        shape = LipShape(
            (0.0, 0.0, 0.0), self.half / UNIT, self.upper / UNIT, self.lower / UNIT, self.smile / UNIT
        )
        return LipLines(shape)
