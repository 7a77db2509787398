"""The parts of models/lipsync that need no training: what the network is taught."""

from __future__ import annotations

import random
from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from livekit_avatar.types import SPEECH_RATE

Training = Callable[[str], ModuleType]


def test_the_time_of_every_phone_is_known(training: Training) -> None:
    espeak = training("espeak")
    espeak.set_voice("en-us")
    spoken = espeak.say("Pack my box.")
    assert [phone.name for phone in spoken.phones if phone.name][:4] == ["p", "ˈæ", "k", "m"]
    assert all(a.end == b.start for a, b in zip(spoken.phones, spoken.phones[1:], strict=False))
    assert spoken.phones[-1].end == pytest.approx(len(spoken.samples) / spoken.rate)


def test_every_language_of_the_recipe_is_known_and_others_are_refused(training: Training) -> None:
    espeak = training("espeak")
    for language in set(training("corpus").VOICES):
        espeak.set_voice(language)
    with pytest.raises(ValueError, match="no voice 'fr-fr'"):
        espeak.set_voice("fr-fr")


@pytest.mark.parametrize("voice", ["en+Alicia", "en+caleb"])
def test_a_new_process_says_the_same_sample_for_sample_in_breathy_and_hissing_voices(
    say: Callable[..., Any], voice: str
) -> None:
    said = []
    for drawn in (0, 100):  # of the C library's random numbers, by whatever else runs in the process
        draw = f"import ctypes; [ctypes.CDLL(None).rand() for _ in range({drawn})]"
        said.append(say("She sees a busy house", voice, draw))
    np.testing.assert_array_equal(*(each.samples for each in said))


@pytest.mark.parametrize("voice", ["en-us", "fr", "de", "ja", "hi", "cmn-latn-pinyin", "ru", "uk", "ar"])
def test_the_table_knows_every_phone_that_is_spoken(training: Training, voice: str) -> None:
    espeak, phones = training("espeak"), training("phones")
    espeak.set_voice(voice)
    spoken = espeak.say(training("texts").sentence(voice, random.Random(1)))
    assert spoken.phones
    for phone in spoken.phones:
        assert bool(phones.parts(phone.name)) == bool(phone.name), phone.name


def test_diphthongs_have_two_parts_and_affricates_one(training: Training) -> None:
    parts = training("phones").parts
    assert [part.viseme for part in parts("ˈaʊ")] == ["aa", "oh"]
    assert [part.viseme for part in parts("tʃ")] == ["CH"]
    assert [part.viseme for part in parts("pʰ")] == ["PP"]
    assert parts("") == ()


def test_labels_close_the_lips_for_labials_whatever_stands_beside_them(training: Training) -> None:
    espeak, labels = training("espeak"), training("labels")
    said = [espeak.Phone(name, i * 0.1, i * 0.1 + 0.1) for i, name in enumerate("amafapa")]
    curves, _ = labels.curves(said, 70)
    aperture, press = curves[:, 0], curves[:, labels.CURVES.index("press")]
    for place, name in enumerate("amafapa"):
        middle = slice(place * 10 + 1, place * 10 + 5)
        if name in "mp":
            assert aperture[middle].min() < 0.02 and press[middle].max() > 0.95
    assert aperture.max() > 0.5


def test_labels_rest_in_long_pauses_and_not_in_short_ones(training: Training) -> None:
    espeak, labels = training("espeak"), training("labels")

    def apart(seconds: float) -> tuple[float, float]:
        said = [espeak.Phone("a", 0, 0.3), espeak.Phone("", 0.3, 0.3 + seconds)]
        said.append(espeak.Phone("a", 0.3 + seconds, 0.6 + seconds))
        curves, _ = labels.curves(said, round((0.6 + seconds) * 100))
        middle = round((0.3 + seconds / 2 - labels.LEAD) * 100)
        return float(curves[middle, 0]), float(curves[middle, labels.CURVES.index("speech")])

    assert apart(0.1)[0] > 0.4 and apart(0.1)[1] == pytest.approx(1)
    assert apart(1.0)[0] < 0.25 and apart(1.0)[1] == pytest.approx(0)


def test_held_vowels_are_as_long_as_their_times_say(training: Training) -> None:
    steady, phones = training("steady"), training("phones")
    sound, said = steady.held(np.random.default_rng(0))
    assert said[-1].end == pytest.approx(len(sound) / SPEECH_RATE)
    assert all(phones.parts(phone.name)[0] in phones.VOWELS.values() for phone in said)


def test_stressed_vowels_open_wider(training: Training) -> None:
    espeak, labels = training("espeak"), training("labels")

    def opened(name: str) -> float:
        curves, _ = labels.curves([espeak.Phone(name, 0, 0.2)], 20)
        return float(curves[:, 0].max())

    assert opened("ˈa") > opened("ˌa") > opened("a")


def test_invented_words_look_like_those_of_the_language(training: Training) -> None:
    texts = training("texts")
    words = {texts._invented("pl", random.Random(i)) for i in range(300)}
    known = set(texts.WORDS["pl"].lower().split())
    assert len(words - known) > 100
    assert {letter for word in words for letter in word} <= {letter for word in known for letter in word}
