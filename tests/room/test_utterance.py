"""What is left to say of an utterance whose face died."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from livekit import rtc

from livekit_avatar.room.utterance import Utterance

RATE = 24_000


def left(utterance: Utterance) -> list[int]:
    return [int(sample) for frame in utterance.unqueued() for sample in np.frombuffer(frame.data, np.int16)]


@given(st.lists(st.integers(1, 2_000), min_size=1, max_size=8), st.lists(st.floats(0, 1), max_size=8))
def test_what_was_read_and_not_queued_is_left_to_the_sample(lengths: list[int], parts: list[float]) -> None:
    utterance = Utterance()
    samples = np.arange(sum(lengths), dtype=np.int16)
    for piece in np.split(samples, np.cumsum(lengths)[:-1]):
        utterance.read(rtc.AudioFrame(piece.tobytes(), RATE, 1, len(piece)))
    queued = 0
    for part in parts:
        step = int(part * (len(samples) - queued))
        queued += step
        utterance.queue(step / RATE)
    assert left(utterance) == samples[queued:].tolist()
