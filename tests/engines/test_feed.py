"""Speech on its way through a performance comes out as it went in."""

from __future__ import annotations

import numpy as np
import pytest
from engines_for_tests import flash
from hypothesis import given, settings
from hypothesis import strategies as st

from livekit_avatar.engines.feed import SpeechFeed, Spoken
from livekit_avatar.errors import AudioFormatError
from livekit_avatar.types import Samples

RATES = st.sampled_from([8_000, 16_000, 22_050, 24_000, 44_100, 48_000])
UTTERANCES = st.lists(
    st.tuples(RATES, st.lists(st.integers(1, 30_000), min_size=1, max_size=5)), min_size=1, max_size=3
)


def new_feed(ahead: int = 16_000) -> SpeechFeed:
    engine = flash()
    return SpeechFeed(engine.perform(engine.face()), ahead=ahead)


def noise(count: int, seed: int = 0) -> Samples:
    return np.random.default_rng(seed).integers(-9_000, 9_000, count).astype(np.int16)


def spoken(feed: SpeechFeed) -> list[Spoken]:
    """All steps that can be had now."""
    steps = []
    while True:
        if feed.pump():
            feed.performance.hear()  # type: ignore[attr-defined]
        item = feed.next()
        if item is None:
            return steps
        steps.append(item)


@settings(max_examples=60, deadline=None)
@given(utterances=UTTERANCES, ahead=st.integers(2_000, 48_000))
def test_every_sample_comes_out_once_in_order(utterances: list[tuple[int, list[int]]], ahead: int) -> None:
    feed = new_feed(ahead)
    said = []
    for rate, pieces in utterances:
        speech = [noise(count, seed) for seed, count in enumerate(pieces)]
        for piece in speech:
            feed.push(piece, rate)
        feed.end_segment()
        said.append(np.concatenate(speech))
    steps = spoken(feed)
    for number, speech in enumerate(said):
        chunks = [spoken.audio for spoken in steps if spoken.segment == number]
        np.testing.assert_array_equal(np.concatenate([chunk.samples for chunk in chunks]), speech)
        assert {chunk.sample_rate for chunk in chunks} == {utterances[number][0]}
    assert [spoken.step.last for spoken in steps].count(True) == len(said)
    assert not feed.speaking
    assert feed.unspoken == pytest.approx(0, abs=1e-6)


def test_a_long_text_in_one_burst_is_handed_on_piece_by_piece() -> None:
    feed = new_feed(ahead=16_000)
    for _ in range(1_000):
        feed.push(noise(480), 24_000)
    feed.pump()
    assert feed.performance._timeline._segments[0].samples < 17_000  # type: ignore[attr-defined]


@given(count=st.integers(1, 20), taken=st.integers(0, 20))
@settings(max_examples=30, deadline=None)
def test_held_speech_comes_again(count: int, taken: int) -> None:
    feed = new_feed()
    speech = noise(count * 960 + 17)
    feed.push(speech, 24_000)
    feed.end_segment()
    steps = spoken(feed)
    kept = steps[: min(taken, len(steps))]
    feed.hold(kept[-1].step.id if kept else None)
    again = spoken(feed)
    np.testing.assert_array_equal(np.concatenate([s.audio.samples for s in [*kept, *again]]), speech)
    assert not feed.speaking


def test_a_single_sample_gets_its_frame() -> None:
    feed = new_feed()
    feed.push(noise(1), 48_000)
    feed.end_segment()
    (only,) = spoken(feed)
    assert only.step.last and len(only.audio.samples) == 1


def test_another_rate_inside_an_utterance_is_refused() -> None:
    feed = new_feed()
    feed.push(noise(100), 16_000)
    with pytest.raises(AudioFormatError, match="Flush"):
        feed.push(noise(100), 24_000)


def test_after_clearing_nothing_of_the_old_speech_comes() -> None:
    feed = new_feed()
    feed.push(noise(64_000, seed=1), 16_000)
    feed.pump()
    feed.clear()
    feed.performance.interrupt(None)
    feed.push(noise(3_200, seed=2), 16_000)
    feed.end_segment()
    chunks = [said.audio.samples for said in spoken(feed)]
    np.testing.assert_array_equal(np.concatenate(chunks), noise(3_200, seed=2))


@given(before=st.integers(1, 20), rate=RATES)
@settings(max_examples=30, deadline=None)
def test_another_performance_goes_on_with_the_next_step(before: int, rate: int) -> None:
    feed = new_feed(ahead=16_000)
    said = [noise(rate), noise(rate, seed=1)]
    for speech in said:
        feed.push(speech, rate)
        feed.end_segment()
    steps = some(feed, before)
    engine = flash()
    feed.hand_over(engine.perform(engine.face()))
    steps += spoken(feed)
    for number, speech in enumerate(said):
        chunks = [step.audio.samples for step in steps if step.segment == number]
        np.testing.assert_array_equal(np.concatenate(chunks), speech)
    assert not feed.speaking


def some(feed: SpeechFeed, count: int) -> list[Spoken]:
    """The first steps."""
    steps: list[Spoken] = []
    while len(steps) < count:
        if feed.pump():
            feed.performance.hear()  # type: ignore[attr-defined]
        item = feed.next()
        assert item is not None
        steps.append(item)
    return steps
