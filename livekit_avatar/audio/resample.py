"""Changing the sample rate of speech that arrives in pieces."""

from __future__ import annotations

import numpy as np
import soxr

from livekit_avatar.errors import AudioFormatError
from livekit_avatar.types import Floats, Samples

LOWEST_RATE = 4_000
HIGHEST_RATE = 384_000
"""Rates in Hz between which a sound can be speech; anything else is a mistake of the caller."""


class StreamResampler:
    """Resamples one stream of mono speech; how it is cut into pieces never changes the result.

    The filter is soxr's "HQ"; it holds back up to 40 ms of speech (120 ms from 8 kHz) until more comes or
    `flush` is called. After `flush` it is ready for the next stream.

    Args:
        rate_in: sample rate of what is pushed, in Hz.
        rate_out: sample rate of what comes out, in Hz.

    Raises:
        AudioFormatError: a rate that is not a whole number between 4 and 384 kHz.
    """

    def __init__(self, rate_in: int, rate_out: int) -> None:
        self.rate_in = check_rate(rate_in)
        self.rate_out = check_rate(rate_out)
        # float32, because soxr dithers int16: the same speech would not give the same samples twice.
        self._stream = soxr.ResampleStream(rate_in, rate_out, 1, dtype="float32", quality="HQ")
        self._taken = 0
        self._given = 0

    def push(self, samples: Samples) -> Samples:
        """Add (n,) int16 speech; returns the (m,) int16 samples that are ready, perhaps none.

        Raises:
            AudioFormatError: not a one-dimensional int16 array.
        """
        return self._run(check_samples(samples), last=False)

    def flush(self) -> Samples:
        """End the stream: the samples held back, so that n pushed ones have given round(n * out / in)."""
        rest = self._run(np.zeros(0, np.int16), last=True)
        self.reset()
        return rest

    def reset(self) -> None:
        """Forget everything pushed."""
        self._stream.clear()
        self._taken = self._given = 0

    def _run(self, samples: Samples, *, last: bool) -> Samples:
        self._taken += len(samples)
        if self.rate_in == self.rate_out:
            same: Samples = samples.copy()
            return same
        made: Floats = self._stream.resample_chunk(samples.astype(np.float32), last=last)
        ready: Samples = np.clip(np.rint(made), -32768, 32767).astype(np.int16)
        if last:
            ready = _fit(ready, resampled_length(self._taken, self.rate_in, self.rate_out) - self._given)
        self._given += len(ready)
        return ready


def resample(samples: Samples, rate_in: int, rate_out: int) -> Samples:
    """Resample a whole sound, (n,) int16 -> (round(n * rate_out / rate_in),) int16.

    Raises:
        AudioFormatError: as `StreamResampler`.
    """
    stream = StreamResampler(rate_in, rate_out)
    made: Samples = np.concatenate([stream.push(samples), stream.flush()])
    return made


def resampled_length(count: int, rate_in: int, rate_out: int) -> int:
    """How many samples `count` samples become: the exact ratio, halves rounded up."""
    return (2 * count * rate_out + rate_in) // (2 * rate_in)


def check_rate(rate: int) -> int:
    """The rate itself, if it can be one of speech.

    Raises:
        AudioFormatError: not a whole number between 4 and 384 kHz.
    """
    whole = isinstance(rate, int | np.integer) and not isinstance(rate, bool)
    if not whole or not LOWEST_RATE <= rate <= HIGHEST_RATE:
        raise AudioFormatError(
            f"A sample rate of {rate!r} cannot be used",
            fix=f"Give whole hertz from {LOWEST_RATE} to {HIGHEST_RATE}, such as 16000.",
        )
    return int(rate)


def check_samples(samples: Samples) -> Samples:
    """The array itself, if it is mono PCM.

    Raises:
        AudioFormatError: not a one-dimensional int16 array.
    """
    if not isinstance(samples, np.ndarray) or samples.ndim != 1 or samples.dtype != np.int16:
        raise AudioFormatError(
            f"Speech was given as {_describe(samples)}",
            fix="Give a one-dimensional int16 array of mono samples.",
        )
    return samples


def _describe(value: object) -> str:
    if isinstance(value, np.ndarray):
        return f"an array of {value.dtype} with shape {value.shape}"
    return f"a {type(value).__name__}"


def _fit(samples: Samples, length: int) -> Samples:
    """Cut or pad with the last value: soxr's own end differs from the exact length by one sample at most."""
    if len(samples) >= length:
        return samples[:length]
    last = samples[-1] if len(samples) else 0
    return np.concatenate([samples, np.full(length - len(samples), last, np.int16)])
