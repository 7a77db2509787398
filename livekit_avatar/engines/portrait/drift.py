"""Slow noise that never repeats and never jerks: the sway of a head, the restlessness of brows."""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np

from livekit_avatar.types import FPS, Floats

_DEGREE = math.pi / 180


class Channel(IntEnum):
    """What drifts: radians, inter-ocular distances and coefficients, as in `Pose`."""

    YAW, PITCH, ROLL, X, Y, BROW_INNER, BROW_OUTER, SQUINT, GAZE_X, GAZE_Y = range(10)


_OCTAVES = ((5.3, 1009), (2.1, 1013), (0.87, 1019))
"""Seconds between the random values of an octave, and their number: primes, so that no sum repeats."""

_AMPLITUDES = {
    Channel.YAW: (1.2 * _DEGREE, 0.35 * _DEGREE, 1.6 * _DEGREE),
    Channel.PITCH: (1.1 * _DEGREE, 0.30 * _DEGREE, 1.3 * _DEGREE),
    Channel.ROLL: (1.1 * _DEGREE, 0.25 * _DEGREE, 0.9 * _DEGREE),
    Channel.X: (0.014, 0.003, 0.008),
    Channel.Y: (0.006, 0.002, 0.005),
    Channel.BROW_INNER: (0.07, 0.03, 0.06),
    Channel.BROW_OUTER: (0.05, 0.02, 0.05),
    Channel.SQUINT: (0.05, 0.02, 0.05),
    Channel.GAZE_X: (0.0, 0.015, 0.01),
    Channel.GAZE_Y: (0.0, 0.010, 0.01),
}
"""How far each octave moves a channel at most; the quickest only as much as the face is talking."""

_SCALE = np.array([_AMPLITUDES[channel] for channel in Channel]).T


class Drift:
    """All channels, as pure functions of the frame number.

    Args:
        random: decides the noise.
    """

    def __init__(self, random: np.random.Generator) -> None:
        self._values = [random.uniform(-1, 1, (length, len(Channel))) for _, length in _OCTAVES]
        self._phase = random.uniform(0, 100)

    def at(self, frame: int, *, talking: float) -> list[float]:
        """The value of each `Channel` in a frame; `talking` is 0 (listens) .. 1 (talks)."""
        slow, quick, lively = (self._octave(which, frame) for which in range(len(_OCTAVES)))
        drift: list[float] = (slow + quick + talking * lively).tolist()
        return drift

    def _octave(self, which: int, frame: int) -> Floats:
        """Random values joined by a uniform cubic B-spline, which is smooth up to its acceleration."""
        seconds, length = _OCTAVES[which]
        at = self._phase + frame / (seconds * FPS)
        whole = math.floor(at)
        t = at - whole
        weights = (
            np.array([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]) / 6
        )
        values = self._values[which][[(whole + offset) % length for offset in range(4)]]
        return np.asarray(weights @ values * _SCALE[which], np.float32)
