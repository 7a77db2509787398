"""Another voice, microphone, room and noise, on mel spectra: cheap enough to be drawn anew every time."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Mels = npt.NDArray[np.float32]


def vary(mels: Mels, rng: np.random.Generator, often: float = 0.6) -> Mels:
    """(n, 80) dB -> another voice, microphone, room and noise; a part of the time only a trace of noise."""
    if rng.random() >= often:
        return _summed(mels, np.full_like(mels, -80))
    if rng.random() < 0.7:
        mels = _other_tract(mels, rng)
    mels = mels + _equaliser(mels.shape[1], rng)
    if rng.random() < 0.15:
        mels = _band_limited(mels, rng)
    if rng.random() < 0.18:
        mels = _smeared(mels, rng)
    return _with_floor(mels, rng) + np.float32(rng.uniform(-12, 12))


def _other_tract(mels: Mels, rng: np.random.Generator) -> Mels:
    """Vocal tract length: the mel axis is stretched."""
    bands = mels.shape[1]
    at = np.clip(np.arange(bands) * rng.uniform(0.86, 1.16) + rng.uniform(-1, 1), 0, bands - 1)
    low = at.astype(int)
    part = (at - low).astype(np.float32)
    return mels[:, low] * (1 - part) + mels[:, np.minimum(low + 1, bands - 1)] * part


def _equaliser(bands: int, rng: np.random.Generator) -> Mels:
    knots = np.interp(np.linspace(0, 5, bands), np.arange(6), rng.normal(0, 1.5, 6))
    return (knots + np.linspace(-1, 1, bands) * rng.normal(0, 2)).astype(np.float32)


def _band_limited(mels: Mels, rng: np.random.Generator) -> Mels:
    first = rng.integers(45, 78)
    slope = np.clip((np.arange(mels.shape[1]) - first) * rng.uniform(3, 12), 0, 60)
    return mels - slope.astype(np.float32)


def _smeared(mels: Mels, rng: np.random.Generator) -> Mels:
    """Late reverberation: a fading memory of the power."""
    keep, mix = rng.uniform(0.55, 0.9), rng.uniform(0.02, 0.3)
    power = 10 ** (mels / 10)
    tail, memory = np.empty_like(power), np.zeros(mels.shape[1], np.float32)
    for i, now in enumerate(power):
        tail[i] = memory
        memory = keep * memory + (1 - keep) * now
    return 10 * np.log10(power + mix * tail + 1e-10)


def _with_floor(mels: Mels, rng: np.random.Generator) -> Mels:
    bands = mels.shape[1]
    floor = np.percentile(mels.mean(1), 95) - rng.uniform(20, 65)
    colour = np.interp(np.linspace(0, 5, bands), np.arange(6), rng.normal(0, 5, 6))
    slope = np.linspace(0, -1, bands) * rng.uniform(0, 15)
    flicker = rng.standard_normal(mels.shape, np.float32) * 2
    return _summed(mels, flicker + (floor + colour + slope).astype(np.float32))


def _summed(mels: Mels, others: Mels) -> Mels:
    return (10 * np.log10(10 ** (mels / 10) + 10 ** (others / 10))).astype(np.float32)
