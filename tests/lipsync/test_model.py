from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from livekit_avatar.errors import (
    AudioFormatError,
    ConfigurationError,
    ModelCorruptError,
    ModelNotFoundError,
)
from livekit_avatar.lipsync.model import LipStream, LipSync
from livekit_avatar.types import MOUTH_SHAPES, SAMPLES_PER_FRAME, Floats, MouthState, Samples

SENTENCE = "My mama gave the big puppy five boxes, and we were very happy about it."
LIPS = LipSync()


def shapes(states: list[MouthState]) -> Floats:
    return np.array([state.shapes for state in states]).reshape(-1, len(MOUTH_SHAPES))


def apertures(states: list[MouthState]) -> Floats:
    return np.array([state.aperture for state in states])


def noise(count: int, strength: float, seed: int = 0) -> Samples:
    return (np.random.default_rng(seed).standard_normal(count) * strength).astype(np.int16)


def tone(count: int, hertz: float) -> Samples:
    return (8000 * np.sin(2 * np.pi * hertz * np.arange(count) / 16000)).astype(np.int16)


def sustained_a(count: int) -> Samples:
    """A voice of 120 Hz with the formants of "a" (Peterson and Barney 1952)."""
    time, sound = np.arange(count) / 16000, np.zeros(count)
    for hertz in np.arange(120, 4000, 120):
        strength = sum(1 / (1 + ((hertz - formant) / 80) ** 2) for formant in (730, 1090, 2440))
        sound += strength * np.sin(2 * np.pi * hertz * time + hertz)
    return (3000 * sound).astype(np.int16)


@given(st.integers(0, 6000), st.lists(st.tuples(st.integers(0, 6000), st.booleans()), max_size=8))
def test_how_speech_is_cut_and_when_it_is_heard_changes_nothing(
    count: int, cuts: list[tuple[int, bool]]
) -> None:
    speech, stream, at = noise(count, 3000), LipStream(), 0
    for place, heard in sorted(cuts):
        stream.push(speech[at : min(place, count)])
        at = min(place, count)
        if heard:
            LIPS.hear([stream])
    stream.push(speech[at:])
    stream.flush()
    LIPS.hear([stream])
    assert np.array_equal(shapes(stream.take()), shapes(LIPS.states(speech)))


@pytest.mark.parametrize("count", [0, 1, 639, 640, 641, 1280, 6400, 6401])
def test_a_segment_of_n_samples_has_a_state_for_every_40_ms_begun(lips: LipSync, count: int) -> None:
    assert len(lips.states(noise(count, 1000))) == -(-count // SAMPLES_PER_FRAME)


@pytest.mark.parametrize("lookahead_ms", [0, 40, 80, 120])
def test_a_state_comes_out_when_its_look_ahead_has_been_heard(lips: LipSync, lookahead_ms: Any) -> None:
    stream = LipStream(lookahead_ms)
    assert stream.lookahead == lookahead_ms * 16
    stream.push(noise(SAMPLES_PER_FRAME + stream.lookahead - 1, 1000))
    lips.hear([stream])
    assert not stream.take()
    stream.push(noise(1, 1000))
    lips.hear([stream])
    assert len(stream.take()) == 1
    assert not stream.take()


def test_lips_look_80_ms_ahead_unless_they_are_told_otherwise(lips: LipSync) -> None:
    assert LipStream().lookahead == LipSync.lookahead == 1280
    with pytest.raises(ConfigurationError, match="20 ms"):
        LipStream(20)  # type: ignore[arg-type]


def test_whatever_the_look_ahead_state_k_is_of_frame_k(lips: LipSync, say: Callable[..., Any]) -> None:
    speech = say(SENTENCE).samples
    usual = apertures(lips.states(speech))
    for lookahead_ms in (0, 40, 120):
        other = apertures(lips.states(speech, lookahead_ms))
        assert len(other) == len(usual)
        together = np.corrcoef(other, usual)[0, 1]
        assert together > 0.6
        for moved in (-3, 3):
            assert together > np.corrcoef(np.roll(other, moved), usual)[0, 1] + 0.1


def test_streams_of_different_look_ahead_are_heard_together(lips: LipSync, say: Callable[..., Any]) -> None:
    speech = say(SENTENCE).samples
    streams = [LipStream(lookahead_ms) for lookahead_ms in (120, 0, 80)]
    for stream in streams:
        stream.push(speech)
        stream.flush()
    lips.hear(streams)
    for stream, lookahead_ms in zip(streams, (120, 0, 80), strict=True):
        alone = shapes(lips.states(speech, lookahead_ms))  # type: ignore[arg-type]
        assert shapes(stream.take()) == pytest.approx(alone, abs=1e-4)


def test_what_is_pushed_after_a_flush_is_a_new_segment(lips: LipSync, say: Callable[..., Any]) -> None:
    speech, stream = say(SENTENCE).samples, LipStream()
    for _ in range(2):
        stream.push(speech)
        stream.flush()
    lips.hear([stream])
    states = shapes(stream.take())
    assert np.array_equal(states, np.tile(shapes(lips.states(speech)), (2, 1)))


def test_a_second_flush_and_an_empty_segment_add_nothing(lips: LipSync) -> None:
    stream = LipStream()
    stream.flush()
    stream.push(noise(700, 1000))
    stream.flush()
    stream.flush()
    lips.hear([stream])
    assert len(stream.take()) == 2


def test_reset_forgets_speech_and_states(lips: LipSync, say: Callable[..., Any]) -> None:
    speech, stream = say(SENTENCE).samples, LipStream()
    stream.push(noise(7000, 3000))
    lips.hear([stream])
    stream.push(noise(7000, 3000))
    stream.reset()
    stream.push(speech)
    stream.flush()
    lips.hear([stream])
    assert np.array_equal(shapes(stream.take()), shapes(lips.states(speech)))


def test_many_sessions_at_once_are_as_each_alone(lips: LipSync, say: Callable[..., Any]) -> None:
    speech = say(SENTENCE).samples
    parts = [speech[1000 * i : 1000 * i + 4000 * (i + 1)] for i in range(6)]
    streams = [LipStream() for _ in parts]
    for stream, part in zip(streams, parts, strict=True):
        stream.push(part)
        stream.flush()
    lips.hear(streams)
    for stream, part in zip(streams, parts, strict=True):
        assert shapes(stream.take()) == pytest.approx(shapes(lips.states(part)), abs=1e-4)


def test_a_stream_named_twice_is_heard_once(lips: LipSync) -> None:
    stream = LipStream()
    stream.push(noise(3200, 3000))
    stream.flush()
    lips.hear([stream, stream])
    assert np.array_equal(shapes(stream.take()), shapes(lips.states(noise(3200, 3000))))


def test_hearing_nothing_is_allowed(lips: LipSync) -> None:
    lips.hear([])
    lips.hear([LipStream()])


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(32000, np.int16), noise(48000, 20), noise(48000, 300), noise(48000, 4000), tone(48000, 440),
        tone(48000, 1000),
    ],
    ids=["silence", "hiss", "quiet noise", "loud noise", "a", "beep"],
)  # fmt: skip
def test_the_mouth_rests_when_nobody_speaks(lips: LipSync, sound: Samples) -> None:
    states = lips.states(sound)
    assert shapes(states).max() == 0
    assert apertures(states).max() == 0


@pytest.mark.parametrize("hertz", [100, 120, 150, 220, 300, 400])
def test_a_tone_as_low_as_a_voice_moves_no_lips(lips: LipSync, hertz: float) -> None:
    assert shapes(lips.states(tone(64000, hertz))).max() == 0


def test_the_mouth_rests_before_and_after_speech(lips: LipSync, say: Callable[..., Any]) -> None:
    silence = np.zeros(28800, np.int16)
    states = lips.states(np.concatenate([silence, say(SENTENCE).samples, silence]))
    assert shapes(states[:18]).max() == 0
    assert shapes(states[-8:]).max() == 0
    assert apertures(states).max() > 0.4


@pytest.mark.parametrize("text", ["mama papa baby", "a big bumpy map", "maybe Bob"])
def test_the_lips_close_for_p_b_and_m(lips: LipSync, say: Callable[..., Any], text: str) -> None:
    spoken = say(text)
    states = lips.states(spoken.samples)
    press = shapes(states)[:, MOUTH_SHAPES.index("mouthPressLeft")]
    for name, start, end in spoken.phones:
        if name in ("p", "b", "m"):
            frames = slice(max(0, int((start - 0.08) * 25)), int((end + 0.04) * 25) + 1)
            assert apertures(states[frames]).min() < 0.06, f"{name} at {start:.2f} s stays open"
            assert press[frames].max() > 0.25, f"{name} at {start:.2f} s is not pressed"
    assert apertures(states).max() > 0.35


def test_vowels_open_spread_and_purse_as_they_should(lips: LipSync, say: Callable[..., Any]) -> None:
    def middle(text: str) -> list[MouthState]:
        states = lips.states(say(text, "es").samples)
        return states[len(states) // 4 : -len(states) // 4]

    ah, ee, oo = (middle(text) for text in ("a, a, a", "i, i, i", "u, u, u"))
    assert apertures(ah).mean() > apertures(ee).mean() > apertures(oo).mean()
    widths = [np.mean([state.width for state in states]) for states in (ee, ah, oo)]
    assert widths == sorted(widths, reverse=True)
    assert widths[2] < -0.2


def test_speech_20_db_quieter_moves_the_same_lips(lips: LipSync, say: Callable[..., Any]) -> None:
    loud = np.concatenate([np.zeros(4000, np.int16), say(SENTENCE).samples])
    quiet = (loud // 10).astype(np.int16)
    a, b = apertures(lips.states(loud)), apertures(lips.states(quiet))
    assert np.corrcoef(a, b)[0, 1] > 0.95
    assert np.abs(a - b).mean() < 0.05


def test_lips_do_not_jitter_in_a_sustained_vowel(lips: LipSync) -> None:
    vowel = apertures(lips.states(sustained_a(32000)))[5:-5]
    assert vowel.min() > 0.3
    assert np.abs(np.diff(vowel)).mean() < 0.03


@pytest.mark.parametrize("speech", [np.zeros(640, np.float32), np.zeros((2, 640), np.int16), b"\0" * 1280])
def test_what_is_not_mono_pcm_is_refused(speech: object) -> None:
    with pytest.raises(AudioFormatError, match="one-dimensional int16"):
        LipStream().push(speech)  # type: ignore[arg-type]


def test_a_missing_or_broken_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelNotFoundError):
        LipSync(tmp_path / "missing.onnx")
    (tmp_path / "broken.onnx").write_bytes(b"no network")
    with pytest.raises(ModelCorruptError):
        LipSync(tmp_path / "broken.onnx")
