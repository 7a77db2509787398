"""The offline voice speaks, quickly, through the interface of livekit-agents."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from livekit_avatar.demo import tts
from livekit_avatar.demo.tts import EspeakTTS
from livekit_avatar.errors import ConfigurationError, DemoError

SENTENCE = "She sells sea shells by the sea shore."


@pytest.fixture
def voice() -> EspeakTTS:
    return EspeakTTS()


def test_a_sentence_is_as_long_as_a_person_needs_and_clearly_audible(voice: EspeakTTS) -> None:
    speech = voice.speak(SENTENCE)
    assert 1.8 < len(speech) / voice.sample_rate < 4.5
    assert speech.dtype == np.int16
    assert 1500 < np.sqrt(np.mean(np.square(speech, dtype=np.float64))) < 10_000


def test_a_higher_rate_is_shorter() -> None:
    slow, fast = EspeakTTS(rate=120).speak(SENTENCE), EspeakTTS(rate=240).speak(SENTENCE)
    assert len(fast) < 0.7 * len(slow)


def test_pitch_changes_the_sound_but_hardly_its_length() -> None:
    low, high = EspeakTTS(pitch=20).speak(SENTENCE), EspeakTTS(pitch=80).speak(SENTENCE)
    assert abs(len(low) - len(high)) < 0.1 * len(low)
    assert not np.array_equal(low[: len(high)], high[: len(low)])


async def test_livekit_agents_gets_the_whole_sentence_at_its_rate(voice: EspeakTTS) -> None:
    async with voice.synthesize(SENTENCE) as stream:
        frame = await stream.collect()
    assert (frame.sample_rate, frame.num_channels) == (voice.sample_rate, 1)
    assert frame.samples_per_channel == pytest.approx(len(voice.speak(SENTENCE)), rel=0.02)


async def test_voices_that_speak_at_once_do_not_mix() -> None:
    slow, fast = EspeakTTS(rate=120), EspeakTTS(rate=240)
    alone = {voice: len(voice.speak(SENTENCE)) for voice in (slow, fast)}
    voices = [slow, fast] * 4
    together = await asyncio.gather(*(asyncio.to_thread(voice.speak, SENTENCE) for voice in voices))
    for voice, speech in zip(voices, together, strict=True):
        assert len(speech) == pytest.approx(alone[voice], rel=0.02)


@pytest.mark.parametrize("text", ["...", "?!", "\u200b", "<b>", "\0", "naïve café 3.5 % 🙂"])
async def test_text_that_is_hard_to_pronounce_is_no_fault(voice: EspeakTTS, text: str) -> None:
    async with voice.synthesize(text) as stream:
        frame = await stream.collect()
    assert frame.samples_per_channel > 0


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"voice": "nobody"}, "no voice 'nobody'"),
        ({"rate": 20}, "rate 20"),
        ({"rate": 500}, "rate 500"),
        ({"pitch": 100}, "pitch 100"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments: dict[str, object], problem: str) -> None:
    with pytest.raises(ConfigurationError, match=problem):
        EspeakTTS(**arguments)  # type: ignore[arg-type]


def test_a_missing_library_names_the_package(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(tts, "import_module", missing)
    tts.espeak.cache_clear()
    with pytest.raises(DemoError, match="pip install espeakng-loader"):
        EspeakTTS()
