"""What a bank of mouths knows of one person: how far the lips go, and where chin and cheeks go with them."""

from __future__ import annotations

from typing import Final

import numpy as np

from livekit_avatar.engines.portrait.bank.plane import LIPS
from livekit_avatar.types import Floats

_POWER: Final = 3
"""Of the distance by which a mouth counts less: small, and far mouths count; large, and the chin jumps."""

_REACH: Final = 0.085
"""How far a point of the lips may be from where the nearest mouth has it, units: further, it looks torn."""

_TINY: Final = np.float32(1e-8)
"""Keeps a mouth that is met exactly from counting without end."""


class Skin:
    """The lips of one person and the skin around them.

    Chin and cheeks are the mean of all mouths', each weighted by how near its lips are to those that are
    wanted (Shepard's interpolation, ACM 1968): they glide while one mouth takes the place of another.
    """

    def __init__(self, points: Floats, unit: float) -> None:
        """Remember the mouths.

        Args:
            points: (m, c, 2) their control points.
            unit: inter-ocular distance in the same pixels.
        """
        self._points = points
        self._unit_squared = np.float32(unit**2)
        self._reach = np.float32(_REACH * unit)

    def follow(self, target: Floats) -> Floats:
        """(c, 2) control points that are wanted -> those that this person can have."""
        lips = slice(0, len(LIPS))
        unlike = np.square(self._points[:, lips] - target[lips]).sum(axis=2).mean(axis=1) / self._unit_squared
        weights = (unlike + _TINY) ** np.float32(-_POWER / 2)
        here: Floats = np.tensordot(weights / weights.sum(), self._points, 1)
        nearest = self._points[unlike.argmin(), lips]
        way = target[lips] - nearest
        far = np.sqrt(np.square(way).sum(axis=1, keepdims=True))
        here[lips] = nearest + way * np.minimum(self._reach / np.maximum(far, np.float32(1e-6)), 1)
        return here
