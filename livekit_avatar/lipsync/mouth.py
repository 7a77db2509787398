"""From what the network says to mouth states: which of the ARKit coefficients, and how much."""

from __future__ import annotations

import numpy as np

from livekit_avatar.types import MOUTH_SHAPES, VISEMES, Floats, MouthState

CURVES = ("aperture", "width", "rounding", "jaw", "press", "tuck", "hiss", "speech")
"""The network's curves: how far the lips part, spread and round, and the jaw drops; lips pressed (p b m);
lower lip under the teeth (f v); teeth together (s sh); somebody speaks."""

ALIVE = (0.05, 0.25)
"""Presences between which the mouth comes to life."""

SURE = 0.5
ARRIVES, LEAVES = 0.7, 0.03
"""A probability of speech above `SURE` raises the presence of a speaker by so much of the way a frame;
otherwise it falls by so much a frame."""

PRESSED = (0.45, 0.95)
TUCKED = (0.25, 0.7)
APERTURE = (0.16, 0.8)
"""The network averages over what it is unsure of; between these it counts as nothing and as all of it. Real
lips that it holds 0.16 apart are together as a rule."""

FAINT = 0.015
"""Taken off every coefficient, so that a resting mouth is exactly at rest."""

_LOOKS = (
    "jawOpen", "mouthLowerDown", "mouthUpperUp", "mouthStretch", "mouthSmile", "mouthFunnel", "mouthPucker",
    "mouthPress", "mouthRollLower", "mouthRollUpper", "tongueOut",
)  # fmt: skip
"""What is computed; left and right are alike."""


def _sides() -> Floats:
    """(11, 23) ones where a coefficient is one of `_LOOKS` or its left or right half."""
    both = [
        [name.removesuffix("Left").removesuffix("Right") == look for name in MOUTH_SHAPES] for look in _LOOKS
    ]
    return np.array(both, np.float32)


_SIDES = _sides()
_TONGUE = np.zeros(len(VISEMES), np.float32)
_TONGUE[[VISEMES.index(name) for name in ("TH", "DD", "nn", "RR")]] = 0.95, 0.5, 0.5, 0.25


def presence(before: float, speech: float) -> float:
    """Whether somebody is speaking, 0..1, from that of the frame before and the probability of speech now.

    It outlasts speech by a second: in a pause lips stay a little apart, then close.
    """
    if speech > max(before, SURE):
        return before + (speech - before) * ARRIVES
    return min(before, max(speech, before - LEAVES))


def mouth_states(curves: Floats, visemes: Floats, present: Floats) -> list[MouthState]:
    """Mouths from what the network says of n frames.

    Args:
        curves: (n, 8) in the order of `CURVES`.
        visemes: (n, 15) probabilities.
        present: (n,) presence of a speaker.
    """
    aperture, spread, rounding, jaw, press, tuck, hiss, speech = _unit(curves).T
    alive = _rise(present, ALIVE)
    aperture = _between(aperture, APERTURE)
    closed = _rise(press, PRESSED) * alive
    free = alive * (1 - closed)
    aperture, jaw, hiss, tucked = aperture * free, jaw * free, hiss * free, _rise(tuck, TUCKED) * free
    spread, pursed, rounding = spread * alive, _unit(-curves[:, 1]) * alive, rounding * free
    parted = np.maximum(aperture - jaw, 0)
    looks = (
        (0.35 * jaw + 0.4 * aperture + 0.1 * rounding) * (1 - 0.6 * tucked),
        0.5 * aperture + 0.3 * parted + 0.15 * hiss,
        0.3 * aperture + 0.2 * parted + 0.12 * hiss + 0.4 * tucked,
        0.8 * spread + 0.2 * aperture * (1 - rounding) + 0.1 * hiss,
        0.2 * spread,
        rounding * np.minimum(0.4 + aperture, 0.75),
        (0.6 * rounding + 0.4 * pursed) * (1 - 0.4 * aperture),
        0.6 * closed,
        0.4 * closed + 0.55 * tucked,
        0.35 * closed,
        visemes @ _TONGUE * free,
    )
    shapes = _unit((np.array(looks, np.float32).T - FAINT) / (1 - FAINT)) @ _SIDES
    width = np.minimum(np.maximum(curves[:, 1], -1), 1) * alive
    values = zip(aperture.tolist(), width.tolist(), speech.tolist(), strict=True)
    return [MouthState(s, v, *abc) for s, v, abc in zip(shapes, visemes, values, strict=True)]


def _rise(value: Floats, between: tuple[float, float]) -> Floats:
    """Smoothly from 0 to 1 between two values."""
    x = _between(value, between)
    return x * x * (3 - 2 * x)


def _between(value: Floats, ends: tuple[float, float]) -> Floats:
    """0 up to one end, 1 from the other, straight between them."""
    low, high = ends
    return _unit((value - low) * np.float32(1 / (high - low)))


def _unit(values: Floats) -> Floats:
    """Held between 0 and 1; on a few numbers much cheaper than `np.clip`."""
    held: Floats = np.minimum(np.maximum(values, 0), 1)
    return held
