"""Life that nobody asked for: blinks, glances, breath and the small sway of a head that is held upright.

`Idle` holds what a seed decides, `Life` is where it stands in one frame: a value, so that a performance can
go back to an earlier frame. Frames are 1/25 s. Figures are those of people who listen or talk at rest.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from livekit_avatar.engines.portrait.controls import controls
from livekit_avatar.engines.portrait.drift import Channel, Drift
from livekit_avatar.engines.portrait.easing import smooth
from livekit_avatar.types import FPS, Floats

_DEGREE = math.pi / 180


class _Event(IntEnum):
    """What happens now and then; each has its own random numbers."""

    BLINK, GLANCE, BREATH, POSTURE = range(4)


_DRAWS = 6
"""Random numbers for one event."""

_EVENTS = 1021
"""Events of a kind until its random numbers begin again: an hour of blinks, half an hour of glances."""

CLOSING, SHUT, OPENING = 0.08, 0.04, 0.16
"""Seconds of the three parts of a blink (lids close twice as fast as they open)."""

BLINK_FRAMES = math.ceil((CLOSING + SHUT + OPENING) * FPS) + 1
_SOONEST_BLINK = FPS
"""Frames after a blink before the end of a phrase can bring another."""

_SACCADE = (0.55, 0.92, 1.0)
"""Part of the way that the eyes have gone in the frames of a saccade, whatever its size."""

_FOLLOW = 0.1
"""Share of the way a frame by which the head follows the eyes."""


@dataclass(frozen=True, slots=True)
class Spell:
    """The time from one event of a kind to the next.

    Attributes:
        index: counts the events of this kind.
        age: frames since it began.
        length: frames until the next.
        source: where the event started from.
        goal: where it leads.
    """

    index: int
    age: int
    length: int
    source: tuple[float, ...]
    goal: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Life:
    """Where the life of a face stands in one frame.

    Attributes:
        frame: frames lived.
        blink: the time since the last blink began.
        glance: the present fixation; source and goal are (gaze_x, gaze_y).
        breath: the present breath; its goal is its depth.
        posture: how the head is held; source and goal are (yaw, pitch, roll).
        follow: the part of the gaze that the head has caught up with.
        talking: 0 (listens) .. 1 (talks).
    """

    frame: int
    blink: Spell
    glance: Spell
    breath: Spell
    posture: Spell
    follow: tuple[float, float]
    talking: float


class Idle:
    """What a seed decides about the life of a face.

    Args:
        seed: faces with different seeds live differently.
    """

    def __init__(self, seed: int) -> None:
        random = np.random.default_rng(seed & 0xFFFF_FFFF_FFFF_FFFF)
        self._drift = Drift(random)
        self._draws = random.random((len(_Event), _EVENTS, _DRAWS))

    def begin(self) -> Life:
        """The first frame: eyes open, on the viewer."""
        here = (0.0, 0.0)
        return Life(
            frame=0,
            blink=replace(self._blink(0), age=BLINK_FRAMES),
            glance=Spell(0, len(_SACCADE), 2 * FPS, here, here),
            breath=self._breathe(0),
            posture=Spell(0, 3 * FPS, 4 * FPS, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
            follow=here,
            talking=0.0,
        )

    def advance(self, life: Life, *, talking: float, phrase_ended: bool = False, blink: bool = False) -> Life:
        """One frame later.

        Args:
            life: the frame before.
            talking: 0 (listens) .. 1 (talks); must itself change slowly.
            phrase_ended: a phrase was just finished; people like to blink then.
            blink: blink now.
        """
        x, y = _gaze(life.glance)
        fx, fy = life.follow
        return Life(
            frame=life.frame + 1,
            blink=self._next_blink(life.blink, phrase_ended, blink),
            glance=_older(life.glance) or self._glance(life.glance, talking),
            breath=_older(life.breath) or self._breathe(life.breath.index + 1),
            posture=_older(life.posture) or self._hold_head(life.posture, talking),
            follow=(fx + _FOLLOW * (x - fx), fy + _FOLLOW * (y - fy)),
            talking=talking,
        )

    def controls(self, life: Life) -> Floats:
        """What the face does in this frame: a vector in the order of `CONTROLS`."""
        drift = self._drift.at(life.frame, talking=life.talking)
        yaw, pitch, roll = _held(life.posture)
        x, y = _gaze(life.glance)
        breath = _breath(life.breath)
        inner, outer = drift[Channel.BROW_INNER], drift[Channel.BROW_OUTER]
        return controls(
            {
                "yaw": yaw + drift[Channel.YAW] + 0.035 * life.follow[0],
                "pitch": pitch + drift[Channel.PITCH] + 0.03 * life.follow[1] - 0.004 * breath,
                "roll": roll + drift[Channel.ROLL],
                "x": drift[Channel.X],
                "y": drift[Channel.Y] - 0.006 * breath,
                "gaze_x": x + drift[Channel.GAZE_X],
                "gaze_y": y + drift[Channel.GAZE_Y],
                "breath": breath,
                "browInnerUp": max(0.0, inner),
                "browOuterUp": max(0.0, outer),
                "browDown": max(0.0, -inner - outer),
                "eyeSquint": max(0.0, drift[Channel.SQUINT]),
                "eyeBlink": _closure(life.blink),
            }
        )

    def _draw(self, event: _Event, index: int) -> list[float]:
        numbers: list[float] = self._draws[event, index % _EVENTS].tolist()
        return numbers

    def _blink(self, index: int) -> Spell:
        """A blink, and 2 to 6 seconds until the next; one in nine is followed by another at once."""
        wait, double, half, phase, pause, _ = self._draw(_Event.BLINK, index)
        seconds = 0.36 + 0.12 * pause if double < 0.11 else 2 + 4 * wait**1.3
        depth = 0.7 + 0.25 * half if half < 0.12 else 1.0
        return Spell(index, 0, round(seconds * FPS), (phase,), (depth,))

    def _next_blink(self, spell: Spell, phrase_ended: bool, now: bool) -> Spell:
        index = spell.index + 1
        if now and spell.age >= BLINK_FRAMES:
            return self._blink(index)
        if phrase_ended and spell.age >= _SOONEST_BLINK:
            *_, delay, likes = self._draw(_Event.BLINK, index)
            if likes < 0.6:
                soon = spell.age + 2 + round(6 * delay)
                spell = replace(spell, length=min(spell.length, soon))
        return _older(spell) or self._blink(index)

    def _glance(self, before: Spell, talking: float) -> Spell:
        """A look at the viewer, or, seldom and never twice in a row, past them."""
        index = before.index + 1
        away, side, up, wait, slip_x, slip_y = self._draw(_Event.GLANCE, index)
        was_away = math.hypot(*before.goal) > 0.15
        if not was_away and away < 0.28 - 0.08 * talking:
            x = math.copysign(0.28 + 0.34 * abs(2 * side - 1), side - 0.5)
            return Spell(index, 0, round((0.8 + 0.7 * wait) * FPS), _gaze(before), (x, 0.50 * up - 0.20))
        goal = (0.10 * (slip_x - 0.5), 0.07 * (slip_y - 0.5))
        return Spell(index, 0, round((1.1 + 1.9 * wait) * FPS), _gaze(before), goal)

    def _breathe(self, index: int) -> Spell:
        pace, depth, *_ = self._draw(_Event.BREATH, index)
        return Spell(index, 0, round((3.5 + 1.5 * pace) * FPS), (), (0.75 + 0.25 * depth,))

    def _hold_head(self, before: Spell, talking: float) -> Spell:
        """Another way to hold the head, for 2.5 to 8 seconds; sooner while talking."""
        index = before.index + 1
        yaw, pitch, roll, wait, *_ = (2 * number - 1 for number in self._draw(_Event.POSTURE, index))
        goal = (1.1 * _DEGREE * yaw, 0.7 * _DEGREE * pitch, 1.2 * _DEGREE * roll)
        seconds = (5.25 + 2.75 * wait) * (1 - 0.45 * talking)
        return Spell(index, 0, round(seconds * FPS), _held(before), goal)


def _older(spell: Spell) -> Spell | None:
    """The same spell a frame later; None if it is over."""
    age = spell.age + 1
    return Spell(spell.index, age, spell.length, spell.source, spell.goal) if age < spell.length else None


def _between(spell: Spell, part: float) -> tuple[float, ...]:
    return tuple(a + (b - a) * part for a, b in zip(spell.source, spell.goal, strict=True))


def _gaze(spell: Spell) -> tuple[float, float]:
    x, y = _between(spell, _SACCADE[min(spell.age, len(_SACCADE) - 1)])
    return x, y


def _held(spell: Spell) -> tuple[float, float, float]:
    yaw, pitch, roll = _between(spell, smooth(spell.age / (1.1 * FPS)))
    return yaw, pitch, roll


def _breath(spell: Spell) -> float:
    """Two fifths in, half out, and a rest."""
    part = spell.age / spell.length
    return spell.goal[0] * (smooth(part / 0.4) if part < 0.4 else 1 - smooth((part - 0.4) / 0.5))


def _closure(spell: Spell) -> float:
    """How far the lids are shut, 0..1; where in its first frame a blink begins is random."""
    seconds = (spell.age + spell.source[0]) / FPS
    if seconds < CLOSING + SHUT:
        return spell.goal[0] * smooth(seconds / CLOSING)
    return spell.goal[0] * (1 - smooth((seconds - CLOSING - SHUT) / OPENING))
