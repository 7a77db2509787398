"""The mouth that is drawn is the mouth that was heard.

A mouth state says how far the lips part and how wide they are, and has coefficients that do about that. How
far each coefficient parts and spreads the lips of a face is known: displacements add up. So the opening and
the spreading coefficients are set such that the drawn lips are as far apart and as wide as the state says;
the way they do it (jaw or lips, funnel, press) stays the state's own.

Lengths are distances of the outer corners of the eyes, as the lips of real speakers are measured.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np

from livekit_avatar.engines.portrait import topology as mesh
from livekit_avatar.engines.portrait.curves import Reals
from livekit_avatar.engines.portrait.easing import smooth
from livekit_avatar.engines.portrait.fields import Fields
from livekit_avatar.engines.portrait.grid import Window
from livekit_avatar.engines.portrait.head import Head
from livekit_avatar.engines.portrait.shapes import REST
from livekit_avatar.types import MOUTH_SHAPES, Floats, MouthState

OPEN: Final = 0.235
"""Gap between the lips at aperture 1, as it is seen. Real lips are 0.18 apart in the widest twentieth of
speech, where the network, which averages, says 0.5 to 0.7."""

_SEEN: Final = (0.0, 0.003, 0.007, 0.010, 0.033, 0.048, 0.058, 0.071, 0.090, 0.118, 0.163, 0.223)
_DRAWN: Final = (0.0, 0.003, 0.008, 0.014, 0.025, 0.040, 0.061, 0.077, 0.103, 0.136, 0.183, 0.238)
"""Gaps as the face mesh sees them, with which real lips were measured, and as they are drawn: it overlooks
slits, then sees them too wide. Fitted on ada, drawn with 160 mouths of real speech and tracked again."""

WIDE: Final = 0.50
"""How much wider than at rest a mouth is at width 1, and narrower at -1, as a share of its width. Lips spread
no further than at 0.55. The face mesh sees 0.65 to 0.85 of it: what real lips do at the first and the last
hundredth of what the network says."""

TUCKED_GAP, ROUND_GAP = 0.03, 0.04
"""Between the lips in f and v, where the upper teeth show, and in the tightest "oo" that is open at all."""

_HOLE: Final = 0.04
"""Aperture from which an "oo" has its hole: lips that the network holds together stay together."""

_WIDENS: Final = 0.22
"""Of the gap between the lips, how much wider a mouth looks to the face mesh than its corners were moved:
0.27 on ada, 0.03 to 0.34 on three portraits, drawn with 90 to 160 mouths of real speech and tracked again."""

_MIDDLE: Final = slice(3, 8)
"""The points of the inner lip contours between which the gap is measured."""

_OPENING: Final = {
    "jawOpen": 0.6, "mouthUpperUpLeft": 0.2, "mouthUpperUpRight": 0.2, "mouthLowerDownLeft": 0.3,
    "mouthLowerDownRight": 0.3,
}  # fmt: skip
"""What parts lips, and in which proportion where a state has them apart without saying by what."""

_UNSAID = 0.03
"""Of that proportion, beside the state's own."""

_LET_GO = 0.03
"""Gap from which lips that were pressed or overlapped have let go of one another."""


def _only(*names: str) -> Reals:
    return np.array([float(name in names) for name in MOUTH_SHAPES])


_OPENS: Final = np.array([_OPENING.get(name, 0.0) for name in MOUTH_SHAPES])
_SPREADS, _NARROWS = _only("mouthStretchLeft", "mouthStretchRight"), _only("mouthPucker")
_GIVEN: Final = (_OPENS + _SPREADS + _NARROWS) == 0
_CLOSES: Final = _only("mouthClose")
_PUCKER, _TUCK, _PRESS = (
    MOUTH_SHAPES.index(name) for name in ("mouthPucker", "mouthRollLower", "mouthPressLeft")
)


class Gauge:
    """What the coefficients do to the lips of one face.

    Args:
        effect: (2, 23) how much further apart the lips are, and how much wider the mouth, at 1 of each
            coefficient in the order of `MOUTH_SHAPES`.
        width: of the mouth at rest.
        overlap: how far the lips overlap at rest.
    """

    def __init__(self, effect: Reals, width: float, overlap: float = 0.0) -> None:
        self._effect = effect
        self._width = width
        self._overlap = overlap

    @classmethod
    def of(cls, fields: Fields, head: Head, matrix: Floats) -> Gauge:
        """Measure the fields of a face.

        Args:
            fields: its fields.
            head: its frame.
            matrix: (23, fields) how much of each field a coefficient asks for.
        """
        upper, lower = (
            head.points[list(ring), :2][_MIDDLE] for ring in (mesh.LIP_INNER_UPPER, mesh.LIP_INNER_LOWER)
        )
        corners = head.points[[mesh.RIGHT_MOUTH, mesh.LEFT_MOUTH], :2]
        across, down = head.upright
        apart = _moved(fields, fields.lower, fields.mouth, lower) - _moved(
            fields, fields.upper, fields.face, upper
        )
        gaps = apart.mean(axis=1) @ down
        widths = np.diff(_moved(fields, fields.upper, fields.face, corners), axis=1)[:, 0] @ across
        widths += _WIDENS * gaps
        eyes = head.points[mesh.LEFT_EYE_OUTER, :2] - head.points[mesh.RIGHT_EYE_OUTER, :2]
        unit, width = float(np.linalg.norm(eyes)), float(np.linalg.norm(corners[1] - corners[0]))
        at_rest = float((lower - upper).mean(axis=0) @ down)
        if at_rest > 0:
            at_rest += float(gaps[fields.names.index(REST)])
        return cls(np.stack([gaps, widths]) @ matrix.T / unit, width / unit, max(-at_rest / unit, 0.0))

    def fit(self, mouth: MouthState, intensity: float = 1.0) -> Floats:
        """The coefficients, (23,) float32 in the order of `MOUTH_SHAPES`, that draw a mouth.

        Args:
            mouth: what was heard.
            intensity: how much further than heard the lips part and spread.
        """
        if not mouth.shapes.any():
            return mouth.shapes
        shapes = mouth.shapes.astype(np.float64)
        given = np.where(_GIVEN, shapes, 0.0)
        gap = max(
            drawn_gap(OPEN * mouth.aperture * intensity), intensity * _least_gap(shapes, mouth.aperture)
        )
        missing = np.array([gap, WIDE * self._width * mouth.width * intensity]) - self._given(given, gap)
        opening = np.where(_OPENS, shapes, 0.0) + _UNSAID * _OPENS
        parts, sideways, lateral = self._solve(missing, opening)
        fitted = given + max(parts, 0.0) * opening + max(sideways, 0.0) * lateral
        if parts < 0:
            too_far = float(self._effect[0] @ fitted) - self._overlap - gap
            fitted += _CLOSES * max(too_far / -float(self._effect[0] @ _CLOSES), 0.0)
        return np.clip(fitted, 0, 1).astype(np.float32)

    def lips(self, shapes: Floats) -> tuple[float, float]:
        """How far apart the lips are with (23,) coefficients, and how much wider than at rest."""
        gap, width = (self._effect @ shapes).tolist()
        return max(gap - self._overlap, 0.0), width

    def _given(self, given: Reals, gap: float) -> Reals:
        """Gap and width that the state's other coefficients make; pressed lips count as they let go."""
        there: Reals = self._effect @ given
        there[0] -= self._overlap
        if there[0] < 0:
            there[0] *= smooth(gap / _LET_GO)
        return there

    def _solve(self, missing: Reals, opening: Reals) -> tuple[float, float, Reals]:
        """How much of the opening, and how much of which sideways coefficients, makes gap and width."""
        for lateral in (_SPREADS, _NARROWS):
            matrix = self._effect @ np.stack([opening, lateral], axis=1)
            parts, sideways = np.linalg.solve(matrix, missing).tolist()
            if parts < 0:
                parts, sideways = -1.0, float(missing[1] / (self._effect[1] @ lateral))
            if sideways >= 0:
                break
        return parts, sideways, lateral


def drawn_gap(seen: float) -> float:
    """How far apart lips are drawn that shall be seen so far apart."""
    steeper = _DRAWN[-1] / _SEEN[-1]
    return float(np.interp(seen, _SEEN, _DRAWN)) + max(seen - _SEEN[-1], 0.0) * steeper


def _least_gap(shapes: Reals, aperture: float) -> float:
    """What stays open however small the aperture: the teeth on the lip in f and v, the hole in "oo"."""
    tucked = shapes[_TUCK] - shapes[_PRESS]
    hole = shapes[_PUCKER] * (1 - shapes[_PRESS]) * min(aperture / _HOLE, 1.0)
    return float(max(TUCKED_GAP * tucked / 0.55, ROUND_GAP * hole, 0.0))


def _moved(fields: Fields, layer: Floats, window: Window, points: Reals) -> Reals:
    """(shapes, n, 2) pixels that each shape moves (n, 2) places of the picture in a layer over a window."""
    first = fields.grid.to_pixels(np.zeros(2, np.float32), window)
    at = (points - first) / fields.grid.step
    corner = np.clip(np.floor(at).astype(int), 0, np.array(window.shape[::-1]) - 2)
    (x, y), (u, v) = corner.T, (at - corner).T[..., None]
    rows: Sequence[tuple[int, Reals]] = ((0, 1 - v), (1, v))
    columns: Sequence[tuple[int, Reals]] = ((0, 1 - u), (1, u))
    total = sum(layer[:, y + i, x + j] * (a * b) for i, a in rows for j, b in columns)
    moved: Reals = np.asarray(total, np.float64) * fields.grid.step
    return moved
