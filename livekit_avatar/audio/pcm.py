"""Speech as it is pushed in."""

from __future__ import annotations

import numpy as np

from livekit_avatar.errors import AudioFormatError
from livekit_avatar.types import Samples


def as_samples(audio: Samples | bytes) -> Samples:
    """Speech, given as an array or as little-endian bytes, as (n,) int16 mono.

    Raises:
        AudioFormatError: not int16 mono.
    """
    if isinstance(audio, (bytes, bytearray, memoryview)):
        if len(audio) % 2:
            raise AudioFormatError(
                "an odd number of bytes of speech", fix="Push whole 16-bit samples, two bytes each."
            )
        return np.frombuffer(audio, np.dtype("<i2")).astype(np.int16, copy=False)
    if not isinstance(audio, np.ndarray) or audio.dtype != np.int16:
        kind = audio.dtype if isinstance(audio, np.ndarray) else type(audio).__name__
        raise AudioFormatError(
            f"speech of type {kind}",
            fix="Push int16: (samples * 32767).astype(np.int16) for floats in -1..1.",
        )
    if audio.ndim != 1:
        raise AudioFormatError(
            f"speech of shape {audio.shape}",
            fix="Push mono speech of shape (n,): audio.mean(axis=1) for stereo.",
        )
    return audio
