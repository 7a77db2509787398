"""What is read of an agent's frames."""

from __future__ import annotations

import numpy as np
import pytest
from livekit import rtc

from livekit_avatar.room.speech import SpeechReader

RATE = 48_000


def frame(samples: int, rate: int, channels: int = 1, value: int = 1_000) -> rtc.AudioFrame:
    return rtc.AudioFrame(np.full(samples * channels, value, np.int16).tobytes(), rate, channels, samples)


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 44_100, 48_000])
def test_every_rate_keeps_its_duration(rate: int) -> None:
    reader = SpeechReader(RATE)
    length = sum(len(reader.read(frame(rate // 50, rate))) for _ in range(50)) + len(reader.end())
    assert length == pytest.approx(RATE, abs=2)


def test_a_rate_that_changes_in_an_utterance_keeps_both_parts() -> None:
    reader = SpeechReader(RATE)
    parts = [reader.read(frame(12_000, 24_000)), reader.read(frame(8_000, 16_000)), reader.end()]
    assert sum(map(len, parts)) == pytest.approx(RATE, abs=4)


def test_channels_are_mixed() -> None:
    reader = SpeechReader(RATE)
    samples = np.concatenate([reader.read(frame(4_800, RATE, channels=2)), reader.end()])
    assert len(samples) == 4_800
    assert np.median(samples) == pytest.approx(1_000, abs=2)


def test_what_was_forgotten_is_not_heard_in_the_next_utterance() -> None:
    reader = SpeechReader(RATE)
    reader.read(frame(12_000, 24_000, value=30_000))
    reader.forget()
    samples = np.concatenate([reader.read(frame(12_000, 24_000, value=0)), reader.end()])
    assert not samples.any()
