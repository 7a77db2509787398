"""Slow noise that never repeats and never jerks: the sway of a head, the restlessness of brows."""

from __future__ import annotations

import math
from enum import IntEnum

import numpy as np

from livekit_avatar.types import FPS

_DEGREE = math.pi / 180


class Channel(IntEnum):
    """What drifts: radians, inter-ocular distances and coefficients, as in `Pose`."""

    YAW, PITCH, ROLL, X, Y, BROW_INNER, BROW_OUTER, SQUINT, GAZE_X, GAZE_Y = range(10)


_OCTAVES = (5.3, 2.1, 0.97)
"""Seconds between the random values of each octave: incommensurate, so that their sum does not repeat."""

_VALUES = 1021

_AMPLITUDES = {
    Channel.YAW: (1.2 * _DEGREE, 0.35 * _DEGREE, 2.4 * _DEGREE),
    Channel.PITCH: (1.1 * _DEGREE, 0.30 * _DEGREE, 1.6 * _DEGREE),
    Channel.ROLL: (1.1 * _DEGREE, 0.25 * _DEGREE, 1.5 * _DEGREE),
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
_RANK = np.arange(len(_OCTAVES))[:, None]


class Drift:
    """All channels, as pure functions of the frame number.

    Args:
        random: decides the noise.
    """

    def __init__(self, random: np.random.Generator) -> None:
        values = random.uniform(-1, 1, (len(_OCTAVES), _VALUES, len(Channel)))
        self._values = values * _SCALE[:, None]
        self._phase = random.uniform(0, 100)

    def at(self, frame: int, *, talking: float) -> list[float]:
        """The value of each `Channel` in a frame; `talking` is 0 (listens) .. 1 (talks)."""
        times = [self._phase + frame / (seconds * FPS) for seconds in _OCTAVES]
        weights = np.array([_spline(time % 1.0) for time in times])
        weights[-1] *= talking
        near = [[(int(time) + offset) % _VALUES for offset in range(4)] for time in times]
        drift: list[float] = np.einsum("ov,ovc->c", weights, self._values[_RANK, near]).tolist()
        return drift


def _spline(t: float) -> tuple[float, float, float, float]:
    """Weights of four values in a uniform cubic B-spline, which is smooth up to its acceleration."""
    return (
        (1 - t) ** 3 / 6,
        (3 * t**3 - 6 * t**2 + 4) / 6,
        (-3 * t**3 + 3 * t**2 + 3 * t + 1) / 6,
        t**3 / 6,
    )
