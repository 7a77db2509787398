"""Speech as rooms, microphones and telephone lines give it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import soxr
from nonspeech import Sound, noise

from livekit_avatar.types import SPEECH_RATE


def roughen(sound: Sound, others: Sequence[Sound], rng: np.random.Generator) -> Sound:
    """Speech as some room, microphone and line would give it; `others` talk in the background."""
    strength = sound.std() + 1e-6
    rough = _filtered(sound, rng)
    if rng.random() < 0.65:
        background = noise(len(sound), rng) if rng.random() < 0.75 else _babble(len(sound), others, rng)
        rough = rough + background * strength * 10 ** (-rng.uniform(5, 40) / 20)
    if rng.random() < 0.08:
        rough = _telephone(rough)
    if rng.random() < 0.1:
        rough = np.tanh(rough / strength * rng.uniform(0.3, 1)) * strength
    return rough


def _filtered(sound: Sound, rng: np.random.Generator) -> Sound:
    """A room, an equaliser and a low-pass, all applied at once to the spectrum."""
    size = 1 << (len(sound) + SPEECH_RATE - 1).bit_length()
    hertz = np.fft.rfftfreq(size, 1 / SPEECH_RATE) + 1
    response = np.ones(len(hertz), complex)
    if rng.random() < 0.45:
        response *= np.fft.rfft(_room(rng), size)
    if rng.random() < 0.5:
        for _ in range(rng.integers(1, 4)):
            away = np.log2(hertz / 10 ** rng.uniform(2.1, 3.8)) * rng.uniform(0.7, 2)
            response *= 10 ** (rng.uniform(-9, 9) * np.exp(-(away**2)) / 20)
    if rng.random() < 0.17:
        response /= np.sqrt(1 + (hertz / rng.uniform(3000, 7000)) ** 12)
    return np.fft.irfft(np.fft.rfft(sound, size) * response, size)[: len(sound)]


def _room(rng: np.random.Generator) -> Sound:
    """An impulse response: the direct sound and an exponentially fading tail of noise."""
    count = int(rng.uniform(0.12, 0.7) * SPEECH_RATE)
    tail = rng.standard_normal(count) * 10 ** (-3 * np.arange(count) / count) * rng.uniform(0.02, 0.12)
    tail[: int(rng.uniform(0.001, 0.006) * SPEECH_RATE)] = 0
    tail[0] = 1
    return tail


def _babble(count: int, others: Sequence[Sound], rng: np.random.Generator) -> Sound:
    voices = [np.resize(others[rng.integers(len(others))], count) for _ in range(rng.integers(2, 6))]
    mixed = np.sum(voices, 0)
    return mixed / (mixed.std() + 1e-9)


def _telephone(sound: Sound) -> Sound:
    """8 kHz, G.711 mu-law."""
    narrow = soxr.resample(sound.astype(np.float32), SPEECH_RATE, 8000)
    peak = np.abs(narrow).max() + 1e-6
    code = np.round(np.sign(narrow) * np.log1p(255 * np.abs(narrow) / peak) / np.log(256) * 127) / 127
    back = np.sign(code) * np.expm1(np.abs(code) * np.log(256)) / 255 * peak
    return np.resize(soxr.resample(back.astype(np.float32), 8000, SPEECH_RATE), len(sound))
