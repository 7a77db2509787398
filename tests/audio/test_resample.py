from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livekit_avatar.audio.resample import StreamResampler, resample, resampled_length
from livekit_avatar.errors import AudioFormatError
from livekit_avatar.types import Samples

RATES = st.sampled_from([8000, 11025, 16000, 22050, 24000, 44100, 48000, 96000, 192000])


def noise(count: int, seed: int = 0) -> Samples:
    return np.random.default_rng(seed).integers(-30000, 30000, count).astype(np.int16)


def tone(rate: int, seconds: float = 0.5) -> Samples:
    return (12000 * np.sin(2 * np.pi * 440 * np.arange(int(rate * seconds)) / rate)).astype(np.int16)


@given(RATES, RATES, st.integers(0, 9000), st.lists(st.integers(0, 9000), max_size=6))
def test_how_speech_is_cut_never_changes_the_result(
    rate_in: int, rate_out: int, count: int, cuts: list[int]
) -> None:
    speech = noise(count)
    stream = StreamResampler(rate_in, rate_out)
    pieces = [stream.push(piece) for piece in np.split(speech, sorted(min(cut, count) for cut in cuts))]
    assert np.array_equal(np.concatenate([*pieces, stream.flush()]), resample(speech, rate_in, rate_out))


@given(RATES, RATES, st.integers(0, 9000))
def test_the_length_is_exact(rate_in: int, rate_out: int, count: int) -> None:
    made = resample(noise(count), rate_in, rate_out)
    assert made.dtype == np.int16
    assert len(made) == resampled_length(count, rate_in, rate_out)
    assert abs(len(made) - count * rate_out / rate_in) <= 0.5


@pytest.mark.parametrize("rate_in", [8000, 24000, 44100, 48000])
def test_a_tone_keeps_its_shape_and_time(rate_in: int) -> None:
    made = resample(tone(rate_in), rate_in, 16000).astype(np.float64)
    assert np.abs(made - tone(16000))[400:-400].max() < 40


def test_the_same_rate_passes_through_untouched() -> None:
    speech = noise(1000)
    assert np.array_equal(resample(speech, 16000, 16000), speech)


def test_loud_speech_is_clipped_and_does_not_wrap() -> None:
    square = np.where(np.arange(4800) % 480 < 240, 32767, -32768).astype(np.int16)
    made = resample(square, 48000, 16000)
    assert np.all(np.sign(made[40:80]) == 1)


def test_after_flush_the_next_stream_starts_clean() -> None:
    stream = StreamResampler(24000, 16000)
    first = np.concatenate([stream.push(noise(5000)), stream.flush()])
    second = np.concatenate([stream.push(noise(5000)), stream.flush()])
    assert np.array_equal(first, second)


def test_reset_forgets_what_was_pushed() -> None:
    stream = StreamResampler(24000, 16000)
    stream.push(noise(5000, seed=1))
    stream.reset()
    made = np.concatenate([stream.push(noise(5000)), stream.flush()])
    assert np.array_equal(made, resample(noise(5000), 24000, 16000))


@pytest.mark.parametrize("rate", [0, -16000, 100, 10**7, 16000.0, True, "16000", None])
def test_a_rate_that_cannot_be_one_is_refused(rate: object) -> None:
    with pytest.raises(AudioFormatError, match="sample rate"):
        StreamResampler(rate, 16000)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "speech", [np.zeros(4, np.float32), np.zeros((4, 2), np.int16), b"\0\0", [0, 0], np.zeros((), np.int16)]
)
def test_what_is_not_mono_pcm_is_refused(speech: object) -> None:
    with pytest.raises(AudioFormatError, match="one-dimensional int16"):
        StreamResampler(24000, 16000).push(speech)  # type: ignore[arg-type]
