"""From mouth states to cues: which viseme, or which drawn mouth of a cartoon, is shown from when to when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np

from livekit_avatar.types import MOUTH_SHAPES, SPEECH_RATE, VISEMES, Floats, MouthState, Samples

RHUBARB_SHAPES: Final = ("A", "B", "C", "D", "E", "F", "G", "H", "X")
"""The mouths of Rhubarb Lip Sync (Hanna-Barbera's six and three more): A pressed lips (p b m), B teeth
together (most consonants, ee), C open (eh), D wide open (ah), E rounded (aw, er), F puckered (oo w), G lower
lip under the teeth (f v), H tongue up (l), X at rest."""

_PAUSE = 5
"""Frames without speech from which a pause shows the mouth at rest; in shorter ones the lips stay apart."""

_LOOK: Final = {
    "A": (0.0, 0.0), "B": (1.0, 0.0), "C": (2.0, 0.0), "D": (3.0, 0.0), "E": (2.0, 1.5), "F": (1.0, 1.5),
    "G": (0.5, 0.0), "H": (2.0, 0.0), "X": (0.0, 0.0),
}  # fmt: skip
"""How open and how round each mouth is: the nearer two of them, the less it matters which one is shown."""

_CHANGE = 0.6
"""What a change of the mouth costs in these units: one step for a single frame is not worth two changes."""

_SEEN, _OTHER = 4.0, 1.0
"""What it costs not to show a closure, f/v or a rest, over in 40 ms as it may be; and to show another mouth
that is as open as the right one."""

_TEETH, _WIDE, _HIGH = 0.3, 0.65, 0.4
"""Apertures up to which the teeth look closed, from which the mouth is wide open, and from which a raised
tongue is seen."""

_PRESSED, _TUCKED, _ROUND = 0.25, 0.3, 0.25
"""Coefficients from which lips are pressed, the lower lip is under the teeth, and a mouth is round."""

_PRESS, _TUCK, _FUNNEL, _PUCKER = (
    MOUTH_SHAPES.index(name) for name in ("mouthPressLeft", "mouthRollLower", "mouthFunnel", "mouthPucker")
)
_LATERAL = VISEMES.index("nn")


@dataclass(frozen=True, slots=True, eq=False)
class Take:
    """A recording and the mouth that speaks it.

    Attributes:
        sound: its name.
        samples: (n,) int16 at 16 kHz.
        states: ceil(n / 640) mouths.
    """

    sound: str
    samples: Samples
    states: Sequence[MouthState]

    @property
    def duration(self) -> float:
        """Seconds."""
        return len(self.samples) / SPEECH_RATE


@dataclass(frozen=True, slots=True)
class Cue:
    """What is shown from frame `start` up to frame `stop`, frames of 40 ms."""

    start: int
    stop: int
    value: str


def viseme_cues(states: Sequence[MouthState]) -> list[Cue]:
    """The most probable viseme of every frame, without gaps: names of `VISEMES`."""
    return _runs([VISEMES[int(np.argmax(state.visemes))] for state in states])


def rhubarb_cues(states: Sequence[MouthState]) -> list[Cue]:
    """Drawn mouths without gaps: names of `RHUBARB_SHAPES`.

    A mouth that would flicker up for a frame between two that look nearly the same is left out.
    """
    return _runs(_steady(_rested([_drawn(state) for state in states], states)))


def _drawn(state: MouthState) -> str:
    """The mouth of one frame of speech."""
    shapes = state.shapes
    if shapes[_PRESS] > _PRESSED:
        return "A"
    if shapes[_TUCK] > _TUCKED:
        return "G"
    if max(shapes[_FUNNEL], shapes[_PUCKER]) > _ROUND:
        return "E" if state.aperture > _TEETH else "F"
    if state.aperture > _HIGH and int(np.argmax(state.visemes)) == _LATERAL:
        return "H"
    if state.aperture <= _TEETH:
        return "B"
    return "C" if state.aperture < _WIDE else "D"


def _rested(mouths: list[str], states: Sequence[MouthState]) -> list[str]:
    """The mouths with pauses at rest."""
    rested = list(mouths)
    for silent in _runs(["" if _speaks(state) else "X" for state in states]):
        edge = silent.start == 0 or silent.stop == len(states)
        if silent.value and (edge or silent.stop - silent.start >= _PAUSE):
            rested[silent.start : silent.stop] = ["X"] * (silent.stop - silent.start)
    return rested


def _speaks(state: MouthState) -> bool:
    return state.speech > 0.5 and int(np.argmax(state.visemes)) != VISEMES.index("sil")


def _steady(mouths: list[str]) -> list[str]:
    """The mouths to show: the cheapest way through (Viterbi), changes and differences counted."""
    if not mouths:
        return []
    cost, change = _costs(), _CHANGE * (1 - np.eye(len(RHUBARB_SHAPES), dtype=np.float32))
    total = np.zeros(len(RHUBARB_SHAPES), np.float32)
    came_from = []
    for mouth in mouths:
        ways = total[:, None] + change
        came_from.append(ways.argmin(0))
        total = ways.min(0) + cost[RHUBARB_SHAPES.index(mouth)]
    at = int(total.argmin())
    steady = []
    for before in reversed(came_from):
        steady.append(RHUBARB_SHAPES[at])
        at = int(before[at])
    return steady[::-1]


def _costs() -> Floats:
    """(9, 9) what it costs to show the mouth of a column for that of a row."""
    look = np.array([_LOOK[name] for name in RHUBARB_SHAPES], np.float32)
    costs: Floats = np.abs(look[:, None] - look).sum(-1)
    costs += _OTHER * (costs == 0)
    costs[[name in "AGX" for name in RHUBARB_SHAPES]] += _SEEN
    np.fill_diagonal(costs, 0)
    return costs


def _runs(values: Sequence[str]) -> list[Cue]:
    """Equal values next to one another as one cue."""
    cues: list[Cue] = []
    for value, run in groupby(values):
        start = cues[-1].stop if cues else 0
        cues.append(Cue(start, start + len(list(run)), value))
    return cues
