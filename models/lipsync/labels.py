"""From timed phones to what the mouth does: the targets the network learns.

Coarticulation is the weighted mean of Cohen and Massaro ("Modeling coarticulation in synthetic visual
speech", 1993): every phone pulls at its neighbours, and its pull fades exponentially. Labial closures do not
take part in the mean: they close the lips whatever stands beside them.
"""

from __future__ import annotations

from collections.abc import Sequence

import espeak
import numpy as np
import numpy.typing as npt
from phones import ROUNDED_GLIDES, VOWELS, Phone, parts

from livekit_avatar.types import VISEMES

Array = npt.NDArray[np.float64]

CURVES = ("aperture", "width", "rounding", "jaw", "press", "tuck", "hiss", "speech")
"""press: lips pressed (p b m); tuck: lower lip under the teeth (f v); hiss: teeth together (s sh)."""

HOP = 0.01
"""Seconds from one label to the next."""

FADE = 0.055
LEAD = 0.030  # lips are ahead of the sound
CLOSE_BEFORE, CLOSE_AFTER = 0.075, 0.060
REACH = 0.4  # beyond it a phone pulls by less than a thousandth
UNDERSHOOT, FULL_VOWEL = 0.4, 0.13
STRESSED, HALF_STRESSED, UNSTRESSED = 1.2, 1.04, 0.88
"""How far a vowel goes beyond a relaxed mouth: a stressed one is spoken with larger gestures (de Jong, "The
supraglottal articulation of prominence in English", 1995)."""

RELAXED_APERTURE, RELAXED_JAW = 0.3, 0.25
SHORT_PAUSE, PAUSE = 0.12, 0.30
PAUSE_APERTURE, SHORT_PAUSE_APERTURE = 0.2, 0.28  # real speakers do not close their lips in short pauses
SMOOTHING = 9
_VOWELS = frozenset(VOWELS.values())


class _Sheet:
    """The curves of one utterance while they are drawn."""

    def __init__(self, count: int) -> None:
        self.time: Array = (np.arange(count) + 0.5) * HOP
        self.pull = np.zeros((count, 4))
        self.weight = np.full((count, 4), 1e-6)
        self.closed, self.press, self.tuck, self.hiss = np.zeros((4, count))
        self.speech = np.ones(count)
        self.visemes = np.zeros(count, np.int64)

    def near(self, start: float, end: float) -> slice:
        return slice(max(0, round((start - REACH) / HOP)), max(0, round((end + REACH) / HOP)))

    def inside(self, start: float, end: float) -> slice:
        return slice(max(0, int(start / HOP)), max(0, int(np.ceil(end / HOP))))

    def aim(self, start: float, end: float, target: Sequence[float], hold: Sequence[float]) -> None:
        """Pull towards (aperture, width, rounding, jaw): fully in the middle half, fading around it."""
        near = self.near(start, end)
        away = np.abs(self.time[near] - (start + end) / 2) - (end - start) / 4
        pull = np.exp(-np.maximum(away, 0) / FADE)[:, None] * np.asarray(hold)
        self.pull[near] += pull * np.asarray(target)
        self.weight[near] += pull

    def close(self, phone: Phone, start: float, end: float) -> None:
        near, strength = self.near(start, end), {"PP": 1.0, "FF": 0.85}.get(phone.viseme, 0.5)
        time, end = self.time[near], max(start + 0.02, end - 0.015)
        before, after = (time - start + CLOSE_BEFORE) / CLOSE_BEFORE, (end + CLOSE_AFTER - time) / CLOSE_AFTER
        bump = 0.5 - 0.5 * np.cos(np.pi * np.clip(np.minimum(before, after), 0, 1))
        self.closed[near] = np.maximum(self.closed[near], strength * bump)
        if phone.viseme in ("PP", "FF"):
            kind = self.press if phone.viseme == "PP" else self.tuck
            kind[near] = np.maximum(kind[near], bump)


def curves(said: Sequence[espeak.Phone], count: int) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]:
    """(count, 8) curves in the order of `CURVES` and (count,) viseme numbers, a row every 10 ms."""
    sheet = _Sheet(count)
    for place, phone in enumerate(said):
        start, end = phone.start - LEAD, phone.end - LEAD
        if end <= 0 or start >= count * HOP:
            continue
        inner = parts(phone.name)
        if not inner:
            _draw_pause(sheet, start, end, edge=place in (0, len(said) - 1))
        for i, part in enumerate(inner):
            step = (end - start) / len(inner)
            _draw_phone(sheet, part, start + i * step, start + (i + 1) * step, _emphasis(phone.name))
    return _finished(sheet), sheet.visemes


def _draw_pause(sheet: _Sheet, start: float, end: float, *, edge: bool) -> None:
    """A pause; at the edge of an utterance nobody speaks in it, however short it is."""
    length = end - start
    hold = 0.15 if length < SHORT_PAUSE else 0.4 if length < PAUSE else 0.8
    aperture = SHORT_PAUSE_APERTURE if length < PAUSE else PAUSE_APERTURE
    sheet.aim(start, end, (aperture, 0, 0, 0.05), (hold, hold * 0.6, hold * 0.6, hold))
    if length >= PAUSE or edge:
        sheet.speech[sheet.inside(start, end)] = 0
    sheet.visemes[sheet.inside(start, end)] = 0


def _emphasis(name: str) -> float:
    """By the mark of stress before eSpeak's vowel."""
    return STRESSED if "ˈ" in name else HALF_STRESSED if "ˌ" in name else UNSTRESSED


def _draw_phone(sheet: _Sheet, phone: Phone, start: float, end: float, emphasis: float) -> None:
    sheet.visemes[sheet.inside(start, end)] = VISEMES.index(phone.viseme)
    if phone in _VOWELS:
        sheet.aim(start, end, _reached(phone, end - start, emphasis), (1, 1, 1, 1))
        return
    hold = max(phone.hold, 0.02) * (1 if phone.hold < 0.8 else 0.5)
    holds = (hold, phone.hold_width, phone.hold_width, phone.hold * 0.8 + 0.02)
    sheet.aim(start, end, (phone.aperture, phone.width, phone.rounding, phone.jaw), holds)
    if phone.viseme in ("PP", "FF") or phone in ROUNDED_GLIDES:
        sheet.close(phone, start, end)
    if phone.viseme in ("SS", "CH"):
        sheet.hiss[sheet.inside(start - 0.03, end + 0.03)] = 1


def _reached(vowel: Phone, length: float, emphasis: float) -> tuple[float, float, float, float]:
    """What a vowel reaches: a short one less than its target (Lindblom 1963), a stressed one more."""
    part = 1 - UNDERSHOOT * float(np.clip(1 - length / FULL_VOWEL, 0, 1))
    aperture = vowel.aperture
    if aperture > RELAXED_APERTURE:
        aperture = RELAXED_APERTURE + (aperture - RELAXED_APERTURE) * part * emphasis
    jaw = RELAXED_JAW + (vowel.jaw - RELAXED_JAW) * part * emphasis
    wide = (0.5 + 0.5 * part) * emphasis
    return aperture, vowel.width * wide, vowel.rounding * wide, jaw


def _finished(sheet: _Sheet) -> npt.NDArray[np.float32]:
    aperture, width, rounding, jaw = (sheet.pull / sheet.weight).T
    rows = (
        aperture * (1 - sheet.closed), width, rounding, jaw * (1 - 0.5 * sheet.closed),
        sheet.press, sheet.tuck, sheet.hiss, sheet.speech,
    )  # fmt: skip
    window = np.hanning(SMOOTHING)
    half = SMOOTHING // 2
    smooth = [np.convolve(np.pad(row, half, "edge"), window / window.sum(), "valid") for row in rows]
    return np.stack(smooth, 1).astype(np.float32)
