"""What a bank of mouths knows of one person: how far the lips go, and where chin and cheeks go with them."""

from __future__ import annotations

from typing import Final

import numpy as np

from livekit_avatar.engines.portrait.bank.plane import LIPS
from livekit_avatar.types import Floats

_NEAR: Final = 0.02
"""Mouths whose lips are so much unlike those that are wanted still count, units (root mean square)."""

_REACH: Final = 0.06
"""How far a point of the lips may be from where the mouths have it, units: further, it looks torn."""


class Skin:
    """The lips of one person and the skin around them.

    What is wanted is compared with a mean over all mouths, each weighted by how near its lips are (the
    regression of Nadaraya and Watson): the chin glides while one mouth takes the place of another.
    """

    def __init__(self, points: Floats, unit: float) -> None:
        """Remember the mouths.

        Args:
            points: (m, c, 2) their control points.
            unit: inter-ocular distance in the same pixels.
        """
        self._points = points
        self._sharpness = np.float32(0.5 / (_NEAR * unit) ** 2)
        self._reach = np.float32(_REACH * unit)

    def follow(self, target: Floats) -> Floats:
        """(c, 2) control points that are wanted -> those that this person can have."""
        lips = slice(0, len(LIPS))
        unlike = np.square(self._points[:, lips] - target[lips]).sum(axis=2).mean(axis=1) * self._sharpness
        weights = np.exp(unlike.min() - unlike)
        usual: Floats = np.tensordot(weights / weights.sum(), self._points, 1)
        way = target[lips] - usual[lips]
        far = np.sqrt(np.square(way).sum(axis=1, keepdims=True))
        usual[lips] += way * np.minimum(self._reach / np.maximum(far, np.float32(1e-6)), 1)
        return usual
