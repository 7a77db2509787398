"""From what the network says to mouth states: which of the ARKit coefficients, and how much."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from livekit_avatar.types import MOUTH_SHAPES, VISEMES, Floats, MouthState

CURVES = ("aperture", "width", "rounding", "jaw", "press", "tuck", "hiss", "speech")
"""The network's curves: how far the lips part, spread and round, and the jaw drops; lips pressed (p b m);
lower lip under the teeth (f v); teeth together (s sh); somebody speaks."""

ALIVE = (0.1, 0.3)
"""Presences between which the mouth comes to life."""

SURE = 0.65
ARRIVES, LEAVES = 0.6, 0.03
"""A probability of speech above `SURE` raises the presence of a speaker by so much of the way a frame;
otherwise it falls by so much a frame."""

PRESSED = (0.2, 0.55)
TUCKED = (0.25, 0.7)
APERTURE = (0.16, 0.8)
"""The network averages over what it is unsure of; between these it counts as nothing and as all of it. Real
lips that it holds 0.16 apart are together as a rule."""

ROUND_IS_NARROW = 0.3
"""Lips that the network holds round are narrower than it says, by so much of the rounding."""

FAINT = 0.015
"""Taken off every coefficient, so that a resting mouth is exactly at rest."""

_LOOKS = (
    "jawOpen", "mouthLowerDown", "mouthUpperUp", "mouthStretch", "mouthSmile", "mouthFunnel", "mouthPucker",
    "mouthPress", "mouthRollLower", "mouthRollUpper", "tongueOut",
)  # fmt: skip
"""What is computed; left and right are alike."""

_PLACES = tuple(
    _LOOKS.index(look) if (look := name.removesuffix("Left").removesuffix("Right")) in _LOOKS else len(_LOOKS)
    for name in MOUTH_SHAPES
)
"""For each of `MOUTH_SHAPES` which of `_LOOKS` it is; one beyond them is none."""

_TONGUE = np.zeros(len(VISEMES), np.float32)
_TONGUE[[VISEMES.index(name) for name in ("TH", "DD", "nn", "RR")]] = 0.95, 0.5, 0.5, 0.25


def presence(before: float, speech: float) -> float:
    """Whether somebody is speaking, 0..1, from that of the frame before and the probability of speech now.

    It outlasts speech by a second: in a pause lips stay a little apart, then close.
    """
    if speech > max(before, SURE):
        return before + (speech - before) * ARRIVES
    return min(before, max(speech, before - LEAVES))


def mouth_state(curves: Sequence[float], visemes: Floats, present: float) -> MouthState:
    """The mouth from what the network says of a frame.

    It counts in plain floats: for a single mouth that is much cheaper than arrays.

    Args:
        curves: 8 in the order of `CURVES`.
        visemes: (15,) float32 probabilities.
        present: presence of a speaker.
    """
    alive = _rise(present, ALIVE)
    aperture, _, rounding, jaw, press, tuck, hiss, speech = (_unit(curve) for curve in curves)
    width = max(-1.0, min(1.0, curves[1] - ROUND_IS_NARROW * rounding)) * alive
    closed = _rise(press, PRESSED) * alive
    free = alive * (1 - closed)
    aperture = _between(aperture, APERTURE) * free
    jaw, hiss, tucked = jaw * free, hiss * free, _rise(tuck, TUCKED) * free
    spread, pursed, rounding = _unit(width), _unit(-width), rounding * free
    parted = max(aperture - jaw, 0.0)
    looks = (
        (0.35 * jaw + 0.4 * aperture + 0.1 * rounding) * (1 - 0.6 * tucked),
        0.5 * aperture + 0.3 * parted + 0.15 * hiss,
        0.3 * aperture + 0.2 * parted + 0.12 * hiss + 0.4 * tucked,
        0.8 * spread + 0.2 * aperture * (1 - rounding) + 0.1 * hiss,
        0.2 * spread,
        rounding * min(0.4 + aperture, 0.75),
        (0.6 * rounding + 0.4 * pursed) * (1 - 0.4 * aperture),
        0.6 * closed,
        0.4 * closed + 0.55 * tucked,
        0.35 * closed,
        float(visemes @ _TONGUE) * free,
    )
    shown = [*(_unit((look - FAINT) / (1 - FAINT)) for look in looks), 0.0]
    shapes = np.array([shown[place] for place in _PLACES], np.float32)
    return MouthState(shapes, visemes, aperture, width, speech)


def _rise(value: float, between: tuple[float, float]) -> float:
    """Smoothly from 0 to 1 between two values."""
    x = _between(value, between)
    return x * x * (3 - 2 * x)


def _between(value: float, ends: tuple[float, float]) -> float:
    """0 up to one end, 1 from the other, straight between them."""
    low, high = ends
    return _unit((value - low) / (high - low))


def _unit(value: float) -> float:
    """Held between 0 and 1."""
    return 0.0 if value < 0 else 1.0 if value > 1 else value
