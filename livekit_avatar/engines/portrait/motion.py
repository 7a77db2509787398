"""One frame of a performance after the other: life, speech, mood and gestures become one pose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from livekit_avatar.engines.portrait import gestures
from livekit_avatar.engines.portrait.controls import CONTROLS, controls, pose
from livekit_avatar.engines.portrait.gauge import Gauge
from livekit_avatar.engines.portrait.gestures import Gesture
from livekit_avatar.engines.portrait.idle import Idle, Life
from livekit_avatar.engines.portrait.pose import Pose
from livekit_avatar.engines.portrait.stress import Stress
from livekit_avatar.types import FPS, MOUTH_SHAPES, Floats, MouthState, Style

_MOUTH = slice(0, len(MOUTH_SHAPES))
_ROUND = [MOUTH_SHAPES.index("mouthFunnel"), MOUTH_SHAPES.index("mouthPucker")]

_PRESS = MOUTH_SHAPES.index("mouthPressLeft")
_PRESSED = 0.3
"""Coefficient of lips that are closed, not closing."""

_JOIN = (0.55, 0.85, 1.0)
"""Part of the way to the heard shape in the first frames of speech, so that the mouth does not pop open."""

_RELAX = (0.55, 0.35, 0.0)
"""What is left of the shape, frame by frame, once speech is gone: at rest after 120 ms."""

_MOOD = 0.27
"""Share of the way a frame, twice in a row (a critically damped step): 95 % of a new mood after 0.6 s."""

_SURGE = controls({"pitch": 0.09, "y": 0.012, "browInnerUp": 0.10, "browOuterUp": 0.08})
"""How the head dips and the brows rise with each louder word, times `Stress.surge`."""

_BEATS: tuple[tuple[str, ...], ...] = (
    ("beat_nod",), ("beat_nod",), ("beat_nod", "beat_brows"), ("beat_brows",), ("beat_tilt",), (), (),
)  # fmt: skip
"""What an accent of speech may move, each as likely as the others."""


@dataclass(frozen=True, slots=True, eq=False)
class Spoken:
    """What was heard in one frame of speech.

    Attributes:
        mouth: what the mouth does.
        loudness: 0 .. 1, of the frame's samples.
    """

    mouth: MouthState
    loudness: float


@dataclass(frozen=True, slots=True, eq=False)
class Direction:
    """What a face is told.

    Attributes:
        mood: the controls of the mood that is wanted.
        actions: the actions to begin.
        asked: how many actions were ever asked for, these included.
        style: how it speaks.
    """

    mood: Floats
    actions: Sequence[str]
    asked: int
    style: Style


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """Everything that the next frame depends on.

    Attributes:
        life: blinks, glances, breath and sway.
        stress: what was heard so far.
        mouth: (23,) float32 in the order of `MOUTH_SHAPES`, as shown.
        spoken: frames of speech since the last without.
        silent: frames without speech since the last with.
        mood: controls of the mood as shown.
        mood_lead: the mood that `mood` runs after.
        gestures: those under way.
        obeyed: how many of the actions ever asked for have had their step.
    """

    life: Life
    stress: Stress
    mouth: Floats
    spoken: int
    silent: int
    mood: Floats
    mood_lead: Floats
    gestures: tuple[Gesture, ...]
    obeyed: int


class Mover:
    """Moves one face.

    Args:
        seed: decides its life, and which words it nods to.
        gauge: of its lips.
    """

    def __init__(self, seed: int, gauge: Gauge) -> None:
        self._gauge = gauge
        self._idle = Idle(seed)
        self._beats = np.random.default_rng([seed & 0xFFFF_FFFF_FFFF_FFFF, 1]).random((1021, 2))

    def begin(self) -> Motion:
        """Before the first frame."""
        still = np.zeros(len(CONTROLS), np.float32)
        return Motion(self._idle.begin(), Stress(), still[_MOUTH], 0, FPS, still, still, (), 0)

    def advance(self, motion: Motion, heard: Spoken | None, told: Direction) -> Motion:
        """One frame later.

        Args:
            motion: the frame before.
            heard: the speech of the new frame; None if there is none.
            told: what is wanted of the new frame.
        """
        stress = motion.stress.hear(heard.loudness, heard.mouth.speech) if heard else motion.stress.hear(0, 0)
        lead = motion.mood_lead + _MOOD * (told.mood - motion.mood_lead)
        new = (*self._beat(stress), *(Gesture(action) for action in told.actions if action != "blink"))
        return Motion(
            life=self._idle.advance(
                motion.life,
                talking=stress.talking,
                phrase_ended=stress.phrase_ended,
                blink="blink" in told.actions,
            ),
            stress=stress,
            mouth=self._speak(motion, heard.mouth, told.style) if heard else _relax(motion),
            spoken=motion.spoken + 1 if heard else 0,
            silent=0 if heard else motion.silent + 1,
            mood=motion.mood + _MOOD * (lead - motion.mood),
            mood_lead=lead,
            gestures=gestures.begin(gestures.older(motion.gestures), *new),
            obeyed=told.asked,
        )

    def pose(self, motion: Motion) -> Pose:
        """What a frame shows."""
        total = self._idle.controls(motion.life) + gestures.movement(motion.gestures)
        mood = motion.mood.copy()
        round_lips = min(float(motion.mouth[_ROUND].max()), 1.0)
        mood[_MOUTH] *= (1 - 0.3 * motion.stress.talking) * (1 - 0.6 * round_lips)  # nobody grins an "oo"
        total += mood + motion.stress.surge * _SURGE
        total[_MOUTH] += motion.mouth
        return pose(total)

    def _beat(self, stress: Stress) -> tuple[Gesture, ...]:
        """The movements that this frame's accent sets off."""
        if not stress.accent:
            return ()
        which, side = self._beats[stress.accents % len(self._beats)].tolist()
        kinds = _BEATS[int(which * len(_BEATS))]
        sign = -1 if side < 0.5 else 1
        return tuple(Gesture(kind, stress.accent * (sign if kind == "beat_tilt" else 1)) for kind in kinds)

    def _speak(self, motion: Motion, heard: MouthState, style: Style) -> Floats:
        """The mouth on its way to what was heard; lips that press together are there at once."""
        wanted = self._gauge.fit(heard, style.intensity)
        calm = style.smoothing * (1 - min(float(wanted[_PRESS]) / _PRESSED, 1.0))
        part = min(_JOIN[min(motion.spoken, len(_JOIN) - 1)], 1 - calm)
        mouth: Floats = motion.mouth + np.float32(part) * (wanted - motion.mouth)
        return mouth


def _relax(motion: Motion) -> Floats:
    mouth: Floats = motion.mouth * np.float32(_RELAX[min(motion.silent, len(_RELAX) - 1)])
    return mouth
