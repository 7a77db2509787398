"""Sounds in which nobody speaks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from livekit_avatar.types import SPEECH_RATE

Sound = npt.NDArray[np.floating]


def noise(count: int, rng: np.random.Generator) -> Sound:
    """Steady noise, white to brown, sometimes with a hum; standard deviation 1."""
    hertz = np.fft.rfftfreq(count, 1 / SPEECH_RATE) + 20
    spectrum = np.fft.rfft(rng.standard_normal(count)) * (hertz / 1000) ** -rng.uniform(0, 1.1)
    sound = np.fft.irfft(spectrum, count)
    if rng.random() < 0.2:
        sound = sound / sound.std() + rng.uniform(0.3, 2) * _note(rng.choice([50, 60, 120]), count, rng)
    return sound / (sound.std() + 1e-9)


def tones(count: int, rng: np.random.Generator) -> Sound:
    """Something like music or signals: notes, alone or in chords, steady or struck."""
    sound, at, struck = np.zeros(count), 0, rng.random() < 0.6
    while at < count:
        length = int(rng.uniform(0.12, 2.5) * SPEECH_RATE)
        fade = np.exp(-np.arange(length) / SPEECH_RATE * rng.uniform(1, 8)) if struck else np.ones(length)
        for _ in range(rng.integers(1, 4)):
            part = _note(50 * 40 ** rng.uniform(0, 1), length, rng) * fade
            sound[at : at + length] += part[: count - at]
        at += int(length * rng.uniform(0.5, 1.5))
    return sound / (sound.std() + 1e-9) + noise(count, rng) * 10 ** (-rng.uniform(20, 60) / 20)


def breath(count: int, rng: np.random.Generator) -> Sound:
    """Breaths: noise through a wide resonance that swells and fades."""
    hertz = np.fft.rfftfreq(count, 1 / SPEECH_RATE) + 20
    shape = np.exp(-(np.log2(hertz / rng.uniform(800, 3000)) ** 2) / rng.uniform(1, 4))
    air = np.fft.irfft(np.fft.rfft(rng.standard_normal(count)) * shape, count)
    swell, at = np.zeros(count), int(rng.uniform(0, 1) * SPEECH_RATE)
    while at < count:
        length = int(rng.uniform(0.25, 1.2) * SPEECH_RATE)
        bump = np.sin(np.pi * np.linspace(0, 1, length)) ** 2 * rng.uniform(0.2, 1)
        swell[at : at + length] += bump[: count - at]
        at += length + int(rng.uniform(0.3, 2.5) * SPEECH_RATE)
    sound = air * swell
    return sound / (sound.std() + 1e-9) * rng.uniform(0.1, 0.7)


def clicks(count: int, rng: np.random.Generator) -> Sound:
    """Keys, knocks and steps: short bursts of noise, over a quiet room."""
    sound = noise(count, rng) * 10 ** (-rng.uniform(20, 60) / 20)
    for at in rng.integers(0, count, rng.integers(3, 30)):
        length = int(rng.uniform(0.003, 0.06) * SPEECH_RATE)
        burst = rng.standard_normal(length) * np.exp(-np.linspace(0, 6, length)) * rng.uniform(1, 8)
        sound[at : at + length] += burst[: count - at]
    return sound


def _note(pitch: float, count: int, rng: np.random.Generator) -> Sound:
    time = np.arange(count) / SPEECH_RATE
    overtones = np.arange(1, 1 + min(int(7500 / pitch), int(rng.integers(1, 12))))
    waves = np.sin(2 * np.pi * pitch * overtones[:, None] * time + rng.uniform(0, 6.28, (len(overtones), 1)))
    return (waves / overtones[:, None] ** rng.uniform(0.5, 2)).sum(0)
