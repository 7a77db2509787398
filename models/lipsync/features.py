"""What the network hears: log-mel spectra, causal, and the numbers of the gain control (`gain`) over them.

`graph.Ears` computes the same inside the exported graph.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from livekit_avatar.types import SPEECH_RATE

HOP = 160
"""Samples from one spectrum to the next: 10 ms."""

WINDOW = 400
"""25 ms. Spectrum i ends at sample (i + 1) * HOP, so nothing later is heard."""

FFT = 512
BANDS = 80
LOWEST_HZ, HIGHEST_HZ = 60.0, 7600.0
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


def mel_filters() -> npt.NDArray[np.float32]:
    """(80, 257) triangles of equal area, evenly spaced on the mel scale of O'Shaughnessy (1987)."""

    def to_mel(hz: float) -> float:
        return float(2595 * np.log10(1 + hz / 700))

    mels = np.linspace(to_mel(LOWEST_HZ), to_mel(HIGHEST_HZ), BANDS + 2)
    edges = 700 * (10 ** (mels / 2595) - 1)
    bins = np.arange(FFT // 2 + 1) * SPEECH_RATE / FFT
    rise = (bins - edges[:-2, None]) / np.diff(edges)[:-1, None]
    fall = (edges[2:, None] - bins) / np.diff(edges)[1:, None]
    triangles = np.maximum(0, np.minimum(rise, fall))
    return (triangles * 2 / (edges[2:] - edges[:-2])[:, None]).astype(np.float32)


def log_mel(sound: Array) -> npt.NDArray[np.float32]:
    """(n,) sound of full scale 1 at 16 kHz -> (n // 160, 80) dB."""
    padded = np.concatenate([np.zeros(WINDOW - HOP), sound]).astype(np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * window(), FFT, axis=1)).astype(np.float32) ** 2
    mels: npt.NDArray[np.float32] = 10 * np.log10(np.maximum(power @ mel_filters().T, QUIETEST))
    return mels
