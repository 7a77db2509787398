"""What the network hears: log-mel spectra, causal, and the numbers of the gain control (`gain`) over them.

`graph.Ears` computes the same inside the exported graph.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import numpy.typing as npt

from livekit_avatar.types import SPEECH_RATE

HOP = 160
"""Samples from one spectrum to the next: 10 ms."""

WINDOW = 400
"""25 ms. Spectrum i ends at sample (i + 1) * HOP, so nothing later is heard."""

BANDS = 80
LOWEST_HZ, HIGHEST_HZ = 60.0, 7600.0
WIDEST_HZ = 80.0
"""From one frequency that is looked at to the next, at most: what the window tells apart (the width of its
main lobe at -6 dB)."""

DENSITY = 1 / 31.25
"""Scale of the powers: a band is the mean power over it, times this."""

QUIETEST_DB = -95.0
QUIETEST = 10 ** (QUIETEST_DB / 10)

CHUNK = 4
"""Spectra that share a level: those of the 40 ms that are heard at once."""

FLOOR_DB = -50.0
"""Where the level starts; no sound below is raised to speech level."""

ATTACK = 0.68
DECAY_DB = 0.12
GATE_DB = 30.0
"""The level decays only while there is a sound within so much of it, so a pause does not raise the noise."""

SCALE_DB, SPAN = 12.0, (0.0, 8.5)

Array = npt.NDArray[np.floating]


def window() -> npt.NDArray[np.float32]:
    """(400,) periodic Hann window."""
    return np.hanning(WINDOW + 1)[:WINDOW].astype(np.float32)


@lru_cache(maxsize=1)
def bands() -> npt.NDArray[np.float64]:
    """(82,) Hz, evenly spaced on O'Shaughnessy's mel scale (1987); band i is from i over i + 1 to i + 2."""
    mels = 2595 * np.log10(1 + np.array([LOWEST_HZ, HIGHEST_HZ]) / 700)
    edges: npt.NDArray[np.float64] = 700 * (10 ** (np.linspace(*mels, BANDS + 2) / 2595) - 1)
    return edges


def frequencies() -> npt.NDArray[np.float64]:
    """Hz at which the spectrum is looked at: the middle of each band, and some between if they are far."""
    middles = bands()[1:-1]
    steps = np.ceil(np.diff(middles) / WIDEST_HZ).astype(int)
    parts = [
        np.linspace(a, b, n, endpoint=False) for a, b, n in zip(middles, middles[1:], steps, strict=False)
    ]
    return np.concatenate([*parts, middles[-1:]])


@lru_cache(maxsize=1)
def transform() -> npt.NDArray[np.float32]:
    """(400, 2 f) what a window of sound is multiplied with: a cosine and a sine of each frequency."""
    turns = 2 * np.pi / SPEECH_RATE * np.outer(np.arange(WINDOW) - WINDOW / 2, frequencies())
    return (np.concatenate([np.cos(turns), np.sin(turns)], 1) * window()[:, None]).astype(np.float32)


@lru_cache(maxsize=1)
def mel_filters() -> npt.NDArray[np.float32]:
    """(2 f, 80) triangles: squares of what `transform` gives -> mean power of each band."""
    edges, hertz = bands(), frequencies()
    rise = (hertz - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - hertz) / np.diff(edges)[1:, None]
    weights = np.maximum(0, np.minimum(rise, fall)) * np.gradient(hertz)
    weights *= DENSITY / weights.sum(1, keepdims=True)
    return np.concatenate([weights.T, weights.T]).astype(np.float32)


def log_mel(sound: Array) -> npt.NDArray[np.float32]:
    """(n,) sound of full scale 1 at 16 kHz -> (n // 160, 80) dB."""
    padded = np.concatenate([np.zeros(WINDOW - HOP), sound]).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    power = (frames @ transform()) ** 2 @ mel_filters()
    mels: npt.NDArray[np.float32] = 10 * np.log10(np.maximum(power, QUIETEST))
    return mels
