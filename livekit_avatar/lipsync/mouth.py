"""From what the network says to mouth states: which of the ARKit coefficients, and how much."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from livekit_avatar.types import MOUTH_SHAPES, VISEMES, Floats, MouthState

Array: TypeAlias = npt.NDArray[np.floating]
Value = TypeVar("Value", float, Array)

CURVES = ("aperture", "width", "rounding", "jaw", "press", "tuck", "hiss", "speech")
"""The network's curves: how far the lips part, spread and round, and the jaw drops; lips pressed (p b m);
lower lip under the teeth (f v; not used, the viseme is surer); teeth together (s sh); somebody speaks."""

ALIVE = (0.1, 0.3)
"""Presences between which the mouth comes to life."""

SURE = 0.5
ARRIVES, LEAVES = 0.6, 0.03
"""A probability of speech above `SURE` raises the presence of a speaker by so much of the way a frame;
otherwise it falls by so much a frame."""

PRESSED = (0.15, 0.5)
TUCKED = (0.25, 0.7)
"""Of the probability of an f or v."""

PRESS, ROLL_PRESSED, ROLL_TUCKED = 0.6, 0.4, 0.55
"""Coefficients of lips that are pressed, of the lower one that is rolled in then, and in an f or v."""

APERTURE = (0.16, 0.8)
"""The network averages over what it is unsure of; between these it counts as nothing and as all of it. Real
lips that it holds 0.16 apart are together as a rule."""

KNEE = 0.05
"""Around the lower end of `APERTURE` it bends instead of breaking off: lips nearly closed still move."""

ROUND_IS_NARROW, PRESSED_IS_NARROW = 0.5, 0.25
"""Lips that the network holds round or pressed are narrower than it says, by so much of either."""

MANY = 6
"""From so many mouths on arrays are cheaper."""

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
_TUCK = VISEMES.index("FF")


def presence(before: float, speech: float) -> float:
    """Whether somebody is speaking, 0..1, from that of the frame before and the probability of speech now.

    It outlasts speech by a second: in a pause lips stay a little apart, then close.
    """
    if speech > max(before, SURE):
        return before + (speech - before) * ARRIVES
    return min(before, max(speech, before - LEAVES))


def mouth_states(
    curves: Sequence[Sequence[float]], visemes: Sequence[Floats], present: Sequence[float]
) -> list[MouthState]:
    """The mouths from what the network says of one frame each.

    For a few mouths plain floats are much cheaper than arrays, for many it is the other way round; the
    formula is the same.

    Args:
        curves: of each mouth 8 in the order of `CURVES`.
        visemes: of each (15,) float32 probabilities.
        present: presence of each speaker.
    """
    if len(curves) >= MANY:
        return _many(np.array(curves), np.array(visemes), np.array(present))
    return [_one(*each) for each in zip(curves, visemes, present, strict=True)]


def _one(curves: Sequence[float], visemes: Floats, present: float) -> MouthState:
    mouth, looks = _mouth(curves, float(visemes @ _TONGUE), float(visemes[_TUCK]), present, _unit)
    shown = [_unit((look - FAINT) / (1 - FAINT)) for look in looks]
    shown.append(0.0)
    shapes = np.array([shown[place] for place in _PLACES], np.float32)
    return MouthState(shapes, visemes, *mouth)


def _many(curves: Array, visemes: Floats, present: Array) -> list[MouthState]:
    mouth, looks = _mouth(list(curves.T), visemes @ _TONGUE, visemes[:, _TUCK], present, _units)
    shown = _units((np.array([*looks, np.zeros(len(curves))]) - FAINT) / (1 - FAINT))
    shapes = shown.T.astype(np.float32)[:, _PLACES]
    return [
        MouthState(*each) for each in zip(shapes, visemes, *(each.tolist() for each in mouth), strict=True)
    ]


def _mouth(
    curves: Sequence[Value], tongue: Value, tuck: Value, present: Value, unit: Callable[[Value], Value]
) -> tuple[tuple[Value, Value, Value], tuple[Value, ...]]:
    """Aperture, width and speech, and `_LOOKS`, of one mouth in floats or of many in arrays."""
    alive = _rise(present, ALIVE, unit)
    aperture, _, rounding, jaw, press, _, hiss, speech = [unit(curve) for curve in curves]
    narrower = ROUND_IS_NARROW * rounding + PRESSED_IS_NARROW * press
    width = (2 * unit(0.5 + 0.5 * (curves[1] - narrower)) - 1) * alive
    closed = _rise(press, PRESSED, unit) * alive
    free = alive * (1 - closed)
    aperture = _from_closed(aperture, unit) * free
    jaw, hiss, tucked = jaw * free, hiss * free, _rise(tuck, TUCKED, unit) * free
    spread, pursed, rounding = unit(width), unit(-width), rounding * free
    parted = unit(aperture - jaw)
    looks = (
        (0.35 * jaw + 0.4 * aperture + 0.1 * rounding) * (1 - 0.6 * tucked),
        0.5 * aperture + 0.3 * parted + 0.15 * hiss,
        0.3 * aperture + 0.2 * parted + 0.12 * hiss + 0.4 * tucked,
        0.8 * spread + 0.2 * aperture * (1 - rounding) + 0.1 * hiss,
        0.2 * spread,
        rounding * (0.4 + 0.35 * unit(aperture / 0.35)),
        (0.6 * rounding + 0.4 * pursed) * (1 - 0.4 * aperture),
        PRESS * closed,
        ROLL_PRESSED * closed + ROLL_TUCKED * tucked,
        0.35 * closed,
        tongue * free,
    )
    return (aperture, width, speech), looks


def _rise(value: Value, between: tuple[float, float], unit: Callable[[Value], Value]) -> Value:
    """Smoothly from 0 to 1 between two values."""
    x = _between(value, between, unit)
    return x * x * (3 - 2 * x)


def _from_closed(aperture: Value, unit: Callable[[Value], Value]) -> Value:
    """The network's aperture between `APERTURE`, a parabola within `KNEE` of the lower end."""
    low, high = APERTURE
    x = (aperture - low) / (high - low)
    bend = unit((x + KNEE) / (2 * KNEE))
    return unit(KNEE * bend * bend + unit(x - KNEE))


def _between(value: Value, ends: tuple[float, float], unit: Callable[[Value], Value]) -> Value:
    """0 up to one end, 1 from the other, straight between them."""
    low, high = ends
    return unit((value - low) / (high - low))


def _unit(value: float) -> float:
    """Held between 0 and 1."""
    return 0.0 if value < 0 else 1.0 if value > 1 else value


def _units(values: Array) -> Array:
    """Held between 0 and 1."""
    held: Array = np.minimum(np.maximum(values, 0), 1)
    return held
