"""The training set: synthetic speech in many voices with its labels, and sounds that nobody speaks."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import espeak
import labels
import nonspeech
import numpy as np
import numpy.typing as npt
import rooms
import soxr
import texts
from features import HOP, log_mel

from livekit_avatar.types import SPEECH_RATE

ENGLISH = ("en-us", "en-us", "en-us", "en", "en", "en", "en-gb-scotland", "en-gb-x-rp", "en-029")
OTHERS = (
    "fr", "de", "es", "es-419", "it", "pt-br", "pt", "nl", "pl", "uk", "sv", "da", "nb", "bg", "ca",
    "cmn-latn-pinyin", "ja", "ko", "hi", "ru", "ar", "id", "tr", "sw",
)  # fmt: skip
VOICES = ENGLISH + OTHERS
"""eSpeak NG's names, each as often as it stands here: every fourth sentence is English."""

_STRANGE = re.compile(
    "whisper|croak|tweaky|unirobot|robosoft|alien|demonic|fast|mr serious|anxiousandy|shelby|zac|rob|belinda|"
    "victor|travis|antonio|annie|anikarobot",
    re.IGNORECASE,
)
SHORT = 0.3
"""How many utterances are cut to one to three words: answers are short, and in long sentences a first or last
sound is a rare one."""

LOUDNESS = 0.08
"""Standard deviation of speech, full scale being 1."""

SHORTEST = 0.25
"""Seconds; what is shorter is no word, but a sign that eSpeak NG does not speak."""

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Example:
    """Mel spectra in dB of one sound as it was made and as a poor room or line gives it, and its labels.

    Attributes:
        clean: (n, 80) float16, a row every 10 ms.
        rough: the same.
        curves: (n, 8) in the order of `labels.CURVES`.
        visemes: (n,) numbers.
    """

    clean: npt.NDArray[np.float16]
    rough: npt.NDArray[np.float16]
    curves: Floats
    visemes: npt.NDArray[np.int64]


def speech(minutes: float, seed: int) -> Iterator[Example]:
    """At least so many minutes of speech."""
    chance, rng = random.Random(seed), np.random.default_rng(seed)
    speakers = ["", *(name for name in espeak.variants() if not _STRANGE.search(name))]
    made, recent = 0, [rng.standard_normal(SPEECH_RATE)]
    while made < minutes * 60 * SPEECH_RATE:
        spoken = _utterance(chance, speakers)
        if spoken is None:
            continue
        sound, said = framed(*spoken, rng)
        made += len(sound)
        recent = [*recent[-20:], sound]
        yield example(sound, rooms.roughen(sound, recent, rng), said, rng)


def natural(spoken: Iterable[tuple[nonspeech.Sound, list[espeak.Phone]]], seed: int) -> Iterator[Example]:
    """Sentences that were spoken in natural voices."""
    rng = np.random.default_rng([seed, len("natural")])
    recent = [rng.standard_normal(SPEECH_RATE)]
    for sound, said in spoken:
        sound, said = framed(np.asarray(sound, np.float64) * LOUDNESS, said, rng)
        recent = [*recent[-20:], sound]
        yield example(sound, rooms.roughen(sound, recent, rng), said, rng)


def other_sounds(minutes: float, seed: int) -> Iterator[Example]:
    """At least so many minutes of noise, tones and breath: the mouth rests."""
    rng, made = np.random.default_rng(seed), 0
    makers: tuple[Callable[[int, np.random.Generator], nonspeech.Sound], ...] = (
        nonspeech.noise, nonspeech.tones, nonspeech.breath, nonspeech.clicks,
    )  # fmt: skip
    while made < minutes * 60 * SPEECH_RATE:
        count = int(rng.uniform(3, 8) * SPEECH_RATE)
        sound = makers[rng.integers(len(makers))](count, rng) * LOUDNESS
        made += count
        yield example(sound, sound, [espeak.Phone("", 0, count / SPEECH_RATE)], rng)


def _utterance(
    chance: random.Random, speakers: list[str]
) -> tuple[nonspeech.Sound, list[espeak.Phone]] | None:
    """A sentence at 16 kHz in some voice, sometimes with a longer or shorter vocal tract."""
    language, speaker = chance.choice(VOICES), chance.choice(speakers + [""] * 10)
    espeak.set_voice(f"{language}+{speaker}" if speaker else language)
    espeak.set_manner(
        words_per_minute=chance.randint(130, 215),
        pitch=chance.randint(15, 85),
        melody=chance.randint(25, 85),
        word_gap=chance.choice([0, 0, 0, 1, 3]),
    )
    words = texts.sentence(language, chance).split()
    spoken = espeak.say(" ".join(words[: chance.randint(1, 3)] if chance.random() < SHORT else words))
    if len(spoken.samples) < SHORTEST * spoken.rate or not spoken.phones:
        return None
    faster = chance.choice([1, 1, chance.uniform(0.85, 1.18)])
    sound = soxr.resample(spoken.samples.astype(np.float32), spoken.rate * faster, SPEECH_RATE)
    said = [espeak.Phone(p.name, p.start / faster, p.end / faster) for p in spoken.phones]
    return sound / (sound.std() + 1e-6) * LOUDNESS, said


def framed(
    sound: nonspeech.Sound, said: list[espeak.Phone], rng: np.random.Generator
) -> tuple[nonspeech.Sound, list[espeak.Phone]]:
    """Silence before and after a sound in which something is said."""
    before, after = rng.uniform(0.02, 0.6), rng.uniform(0.1, 0.6)
    lead = np.zeros(int(before * SPEECH_RATE))
    before, end = len(lead) / SPEECH_RATE, (len(lead) + len(sound)) / SPEECH_RATE
    moved = [espeak.Phone(p.name, p.start + before, p.end + before) for p in said]
    padded = np.concatenate([lead, sound, np.zeros(int(after * SPEECH_RATE))])
    return padded, [espeak.Phone("", 0, before), *moved, espeak.Phone("", end, end + after)]


def example(
    sound: nonspeech.Sound, rough: nonspeech.Sound, said: list[espeak.Phone], rng: np.random.Generator
) -> Example:
    """A sound, the same as a poor room or line gives it, and what is said in it."""
    gain = 10 ** (rng.uniform(-10, 10) / 20)
    count = len(sound) // HOP
    curves, visemes = labels.curves(_joined_pauses(said), count)
    hiss = rng.standard_normal(len(sound)) * 1e-5
    clean, changed = (log_mel((x + hiss) * gain)[:count].astype(np.float16) for x in (sound, rough))
    return Example(clean, changed, curves, visemes)


def _joined_pauses(said: list[espeak.Phone]) -> list[espeak.Phone]:
    joined: list[espeak.Phone] = []
    for phone in said:
        if joined and not phone.name and not joined[-1].name:
            joined[-1] = espeak.Phone("", joined[-1].start, phone.end)
        else:
            joined.append(phone)
    return joined
