"""Recordings made worse: noise, a room, a telephone, a low level."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from livekit_avatar.audio.resample import resample
from livekit_avatar.types import SPEECH_RATE, Samples

Array = npt.NDArray[np.floating]
Worse = Callable[[Samples], Samples]


def noisy(slope: float, decibels: float) -> Worse:
    """Steady noise so many dB under the speech, its power falling with frequency as f to the power -slope."""

    def worse(speech: Samples) -> Samples:
        white = np.fft.rfft(np.random.default_rng(len(speech)).standard_normal(len(speech)))
        hertz = np.fft.rfftfreq(len(speech), 1 / SPEECH_RATE)
        noise = np.fft.irfft(white / np.maximum(hertz, 20) ** (slope / 2), len(speech))
        loud = speech.std() * 10 ** (-decibels / 20)
        return _pcm(speech + noise / noise.std() * loud)

    return worse


def quieter(speech: Samples) -> Samples:
    """20 dB less."""
    return (speech // 10).astype(np.int16)


def in_a_room(speech: Samples) -> Samples:
    """Reverberation: a tail of noise that falls by 60 dB in half a second, 9 dB under the direct sound."""
    count = SPEECH_RATE // 2
    tail = np.random.default_rng(0).standard_normal(count) * 10 ** (-3 * np.arange(count) / count)
    tail *= 10 ** (-9 / 20) / np.sqrt((tail**2).sum())
    tail[0] = 1
    size = len(speech) + count
    wet = np.fft.irfft(np.fft.rfft(speech, size) * np.fft.rfft(tail, size), size)[: len(speech)]
    return _pcm(wet * (speech.std() / wet.std()))


def by_telephone(speech: Samples) -> Samples:
    """8 kHz and mu-law (G.711)."""
    narrow = resample(speech, SPEECH_RATE, SPEECH_RATE // 2) / 32768
    code = np.round(np.sign(narrow) * np.log1p(255 * np.abs(narrow)) / np.log(256) * 127) / 127
    back = np.sign(code) * np.expm1(np.abs(code) * np.log(256)) / 255
    return np.resize(resample(_pcm(back * 32768), SPEECH_RATE // 2, SPEECH_RATE), len(speech))


def _pcm(sound: Array) -> Samples:
    return np.clip(sound, -32768, 32767).astype(np.int16)


WORSE: dict[str, Worse] = {
    "pink noise, 10 dB": noisy(1, 10),
    "white noise, 10 dB": noisy(0, 10),
    "20 dB quieter": quieter,
    "in a room": in_a_room,
    "by telephone": by_telephone,
}
