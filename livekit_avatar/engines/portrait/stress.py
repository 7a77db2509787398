"""Where speech puts its weight: what a head nods to and brows rise on.

Speakers move the head on stressed syllables (Hadar et al. 1983) and nod or raise the brows on accented words;
both are heard in the loudness: a syllable that is louder than the second before it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from livekit_avatar.types import FPS, Samples

_QUIETEST, _LOUDEST = -55.0, -8.0
"""Loudness of 0 and of 1, in dB of full scale."""

_RISE, _FALL = 1 / (0.25 * FPS), 1 / (0.7 * FPS)
_AVERAGE = 1 / (0.6 * FPS)
_SURGE = 1 / (0.16 * FPS)
_ONSET = 0.14
_REST = round(0.65 * FPS)
_PAUSE = round(0.28 * FPS)
_PHRASE = FPS


def loudness(samples: Samples) -> float:
    """Loudness of (n,) int16 speech, 0 (quiet) .. 1 (as loud as speech gets)."""
    power = float(np.mean(np.square(samples, dtype=np.float64))) / 2**30
    level = 10 * math.log10(power + 1e-12)
    return min(max((level - _QUIETEST) / (_LOUDEST - _QUIETEST), 0.0), 1.0)


@dataclass(frozen=True, slots=True)
class Stress:
    """What has been heard up to a frame.

    Attributes:
        average: loudness of the last half second or so.
        talking: 0 .. 1, rises within a quarter of a second and falls slower.
        voiced: frames with voice in this phrase.
        silent: frames without voice since.
        surge: how much louder it is than that average, smoothed twice (a head is heavy).
        surge_lead: smoothed once.
        since: frames since the last accent.
        accents: how many there were.
        accent: how strong the one in this very frame is; 0 if there is none.
    """

    average: float = 0.0
    talking: float = 0.0
    voiced: int = 0
    silent: int = 0
    surge: float = 0.0
    surge_lead: float = 0.0
    since: int = _REST
    accents: int = 0
    accent: float = 0.0

    @property
    def phrase_ended(self) -> bool:
        """Whether this is the frame in which a pause after a phrase is noticed."""
        return self.silent == _PAUSE and self.voiced >= _PHRASE

    def hear(self, level: float, speech: float) -> Stress:
        """One frame later, with the loudness of that frame and the probability that somebody speaks in it."""
        voice = speech > 0.5
        onset = level - self.average
        lead = self.surge_lead + _SURGE * ((onset if voice else 0.0) - self.surge_lead)
        accented = onset > _ONSET and voice and self.since >= _REST
        talks = min(max((speech - 0.3) / 0.4, 0.0), 1.0)
        return Stress(
            average=self.average + _AVERAGE * (level - self.average),
            talking=self.talking + (_RISE if talks > self.talking else _FALL) * (talks - self.talking),
            voiced=self.voiced + 1 if voice else 0 if self.silent >= _PAUSE else self.voiced,
            silent=0 if voice else self.silent + 1,
            surge=self.surge + _SURGE * (lead - self.surge),
            surge_lead=lead,
            since=0 if accented else self.since + 1,
            accents=self.accents + accented,
            accent=min(0.5 + 1.5 * (onset - _ONSET), 1.0) if accented else 0.0,
        )
