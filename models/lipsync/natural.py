"""Sentences in natural voices, many of them blends of two: what eSpeak's voices cannot teach.

Each sentence draws from the seed and its own number, so however many processes speak, the same is said.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count
from multiprocessing import get_context

import espeak
import kokoro
import numpy as np
import soxr
import texts
from nonspeech import Sound

from livekit_avatar.types import SPEECH_RATE

LANGUAGES = (*("en-us",) * 7, *("en-gb-x-rp",) * 2, "fr", "fr", "es", "it", "pt-br", "hi", "ja", "de")
"""eSpeak NG's names, each as often as it stands here; it says how a text is pronounced."""

_SPOKEN = {"en": "ab", "fr": "f", "es": "e", "it": "i", "pt": "p", "hi": "h", "ja": "j"}
"""Language -> first letters of the voices that speak it; every voice speaks any other with an accent."""

ACCENT, BLEND = 0.3, 0.6
"""How often a voice of another language is taken, and how often it is mixed with another of its sex."""

Spoken = tuple[Sound, list[espeak.Phone]]


def sentences(seed: int, processes: int, first: int = 0) -> Iterator[Spoken]:
    """Without end, from number `first` on: 16 kHz speech, and its phones."""
    with get_context("spawn").Pool(processes) as pool:
        yield from pool.imap(_spoken, ((seed, number) for number in count(first)), chunksize=4)


def _spoken(which: tuple[int, int]) -> Spoken:
    chance = random.Random(f"natural {which}")
    language = chance.choice(LANGUAGES)
    espeak.set_voice(language)
    signs = kokoro.spelt(espeak.ipa(texts.sentence(language, chance)), language)
    spoken = kokoro.say(
        f"{signs}{chance.choice('..?!')}", _style(language[:2], chance), chance.uniform(0.85, 1.35)
    )
    faster = chance.choice([1, chance.uniform(0.88, 1.14)])
    sound = soxr.resample(spoken.samples.astype(np.float32), spoken.rate * faster, SPEECH_RATE)
    said = [espeak.Phone(p.name, p.start / faster, p.end / faster) for p in spoken.phones]
    return sound / (sound.std() + 1e-6), said


def _style(language: str, chance: random.Random) -> kokoro.Floats:
    voices = kokoro.styles()
    own = [name for name in voices if name[0] in _SPOKEN.get(language, "abefhijpz")]
    one = chance.choice(sorted(voices) if chance.random() < ACCENT else own)
    style = voices[one]
    if chance.random() < BLEND:
        other = chance.choice([name for name in sorted(voices) if name[1] == one[1]])
        style = style + (voices[other] - style) * np.float32(chance.random())
    return style
