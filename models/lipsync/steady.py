"""Steady sounds: vowels that are held, as in singing and hesitating, and hums that nobody makes.

Both last, and both may begin like a voice. Without them a low tone moves the lips and a held vowel closes
them.
"""

from __future__ import annotations

from collections.abc import Iterator

import espeak
import numpy as np
import numpy.typing as npt
from corpus import LOUDNESS, Example, example, framed
from nonspeech import Sound, noise
from rooms import roughen

from livekit_avatar.types import SPEECH_RATE

FORMANTS = {
    "i": (270, 2290, 3010), "ɪ": (390, 1990, 2550), "ɛ": (530, 1840, 2480), "æ": (660, 1720, 2410),
    "ɑ": (730, 1090, 2440), "ɔ": (570, 840, 2410), "ʊ": (440, 1020, 2240), "u": (300, 870, 2240),
    "ʌ": (640, 1190, 2390), "ɝ": (490, 1350, 1690),
}  # fmt: skip
"""Of men, in Hz (Peterson and Barney, "Control methods used in a study of the vowels", 1952)."""

TRACT = (0.92, 1.4)
"""Formants of men, women and children are so much higher."""

STEP = 0.01
GLIDE = 7
"""Steps over which one vowel becomes the next."""

HIGHEST_HZ = 5000
STRESSED = "ˈ"

Array = npt.NDArray[np.floating]


def examples(minutes: float, seed: int) -> Iterator[Example]:
    """At least so many minutes, hums and vowels in turn."""
    rng, made = np.random.default_rng(seed), 0
    while made < minutes * 60 * SPEECH_RATE:
        vowels, said = held(rng)
        sound, said = framed(vowels * LOUDNESS, said, rng)
        yield example(sound, roughen(sound, [sound], rng), said, rng)
        other = hum(int(rng.uniform(2, 5) * SPEECH_RATE), rng) * LOUDNESS
        yield example(other, other, [espeak.Phone("", 0, len(other) / SPEECH_RATE)], rng)
        made += len(sound) + len(other)


def hum(count: int, rng: np.random.Generator) -> Sound:
    """One steady tone, nearly pure, as low as a voice or higher, that begins at once or after a while."""
    pitch, begins = 60 * 20 ** rng.uniform(0, 1), int(rng.uniform(-0.5, 0.5) * count)
    overtones = np.arange(1, 4)[:, None]
    strength = np.array([1, *rng.uniform(0, 0.3, 2)])[:, None]
    turns = 2 * np.pi * pitch * np.arange(count) / SPEECH_RATE
    sound = (strength * np.sin(overtones * turns + rng.uniform(0, 6.28, (3, 1)))).sum(0)
    sound[: max(0, begins)] = 0
    return sound / (sound.std() + 1e-9) + noise(count, rng) * 10 ** (-rng.uniform(20, 80) / 20)


def held(rng: np.random.Generator) -> tuple[Sound, list[espeak.Phone]]:
    """A few vowels in one breath, held for up to two seconds each."""
    names = rng.choice(list(FORMANTS), rng.integers(1, 5)).tolist()
    counts = (100 * rng.uniform(0.1, 2.0 / len(names) + 0.3, len(names))).astype(int)
    targets = np.repeat([FORMANTS[name] for name in names], counts, axis=0) * rng.uniform(*TRACT)
    glide = np.ones(GLIDE) / GLIDE
    padded = np.pad(targets, ((GLIDE // 2, GLIDE // 2), (0, 0)), "edge")
    formants = np.stack([np.convolve(row, glide, "valid") for row in padded.T], 1)
    sound = _voiced(formants, _pitch(len(formants), rng), rng)
    ends = np.cumsum(counts) * STEP
    said = [
        espeak.Phone(STRESSED + name, end - count * STEP, end)
        for name, count, end in zip(names, counts, ends, strict=True)
    ]
    return sound, said


def _pitch(count: int, rng: np.random.Generator) -> Array:
    """A voice that wavers, or a synthetic one that does not."""
    wavers = rng.choice([0, 0.005, 0.02]) * np.sin(np.arange(count) * STEP * 2 * np.pi * rng.uniform(4, 7))
    slide = np.linspace(0, rng.uniform(-0.2, 0.2), count)
    return rng.uniform(80, 330) * (1 + wavers + slide)


def _voiced(formants: Array, pitch: Array, rng: np.random.Generator) -> Sound:
    """(t, 3) formants and (t,) pitch in Hz, a row every 10 ms -> 16 kHz sound."""
    overtones = np.arange(1, int(HIGHEST_HZ / pitch.mean()))
    hertz = pitch[:, None] * overtones
    away = (hertz[..., None] - formants[:, None]) / (rng.uniform(50, 110) + 0.02 * formants[:, None])
    strength = (1 / (1 + away**2) * [1, rng.uniform(0.3, 1), rng.uniform(0.1, 1)]).sum(2)
    fading = np.minimum(1, np.arange(len(pitch), 0, -1) / 5)
    strength *= (hertz / 500) ** -rng.uniform(0, 0.7) * fading[:, None]
    count = int(len(pitch) * STEP * SPEECH_RATE)
    at, steps = np.arange(count) / (STEP * SPEECH_RATE), np.arange(len(pitch))
    turns = np.cumsum(np.interp(at, steps, pitch)) / SPEECH_RATE * 2 * np.pi
    sound = np.zeros(count)
    for number, row in zip(overtones, strength.T, strict=True):
        sound += np.interp(at, steps, row) * np.sin(number * turns + rng.uniform(0, 6.28))
    return sound / (sound.std() + 1e-9) + rng.standard_normal(count) * 10 ** (-rng.uniform(25, 60) / 20)
