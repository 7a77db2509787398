"""Movements with a beginning and an end: the actions a caller can ask for, and the beats of speech."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from livekit_avatar.engines.portrait.controls import controls
from livekit_avatar.engines.portrait.easing import smooth
from livekit_avatar.types import FPS, Floats

ACTIONS = ("nod", "shake", "raise_brows", "blink")
"""What `Performance.act` takes. "blink" is none of the gestures below: the lids have a life of their own."""


@dataclass(frozen=True, slots=True)
class Gesture:
    """A movement under way.

    Attributes:
        kind: what it is.
        strength: scales it.
        age: frames since it began.
    """

    kind: str
    strength: float = 1.0
    age: int = 0


def _twice(t: float) -> float:
    """Down and up, and once more but less."""
    return math.sin(2 * math.pi * t) ** 2 * (1.0 if t < 0.5 else 0.4)


def _to_and_fro(t: float) -> float:
    return math.sin(4 * math.pi * t) * math.sin(math.pi * t) ** 2


def _up_and_hold(t: float) -> float:
    return smooth(t / 0.25) * (1 - smooth((t - 0.5) / 0.5))


def _beat(t: float) -> float:
    """A third of the time there, the rest back."""
    return smooth(t / 0.35) * (1 - smooth((t - 0.35) / 0.65))


@dataclass(frozen=True, slots=True, eq=False)
class _Form:
    seconds: float
    curve: Callable[[float], float]
    peak: Floats


_FORMS = {
    "nod": _Form(1.1, _twice, controls({"pitch": 0.130, "y": 0.012})),
    "shake": _Form(1.6, _to_and_fro, controls({"yaw": 0.110})),
    "raise_brows": _Form(
        1.0, _up_and_hold, controls({"browInnerUp": 0.75, "browOuterUp": 0.70, "pitch": -0.012})
    ),
    "beat_nod": _Form(0.52, _beat, controls({"pitch": 0.055, "y": 0.008})),
    "beat_brows": _Form(0.64, _beat, controls({"browInnerUp": 0.28, "browOuterUp": 0.30})),
    "beat_tilt": _Form(0.80, _beat, controls({"roll": 0.040, "yaw": 0.025, "x": 0.008})),
}


def _part(gesture: Gesture) -> float:
    """How much of it is over, 0..1."""
    return (gesture.age + 1) / (_FORMS[gesture.kind].seconds * FPS)


def older(gestures: tuple[Gesture, ...]) -> tuple[Gesture, ...]:
    """The gestures one frame later, without those that are over."""
    aged = (Gesture(one.kind, one.strength, one.age + 1) for one in gestures)
    return tuple(one for one in aged if _part(one) < 1)


def begin(gestures: tuple[Gesture, ...], *new: Gesture) -> tuple[Gesture, ...]:
    """Add new gestures; one that is under way is not begun again on top of itself."""
    under_way = {one.kind: one for one in gestures}
    for one in new:
        under_way.setdefault(one.kind, one)
    return tuple(under_way.values())


def movement(gestures: tuple[Gesture, ...]) -> Floats:
    """What the gestures together add to the controls in this frame."""
    total = controls({})
    for one in gestures:
        form = _FORMS[one.kind]
        total += form.peak * (one.strength * form.curve(_part(one)))
    return total
