"""Speech for the lips: sentences spoken by eSpeak NG, with the time of every phone."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import pytest

from livekit_avatar.audio.resample import resample
from livekit_avatar.lipsync.model import LipSync
from livekit_avatar.types import SPEECH_RATE, Samples

ESPEAK = Path(__file__).parents[2] / "models" / "lipsync" / "espeak.py"


@dataclass(frozen=True)
class Spoken:
    """(n,) int16 speech at 16 kHz, and (IPA name, start, end) of its phones in seconds."""

    samples: Samples
    phones: list[tuple[str, float, float]]


@lru_cache(maxsize=1)
def espeak() -> ModuleType:
    """The binding that the training uses."""
    spec = importlib.util.spec_from_file_location("espeak", ESPEAK)
    assert spec and spec.loader
    module = sys.modules["espeak"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@lru_cache(maxsize=32)
def speak(text: str, voice: str = "en-us") -> Spoken:
    """Speak a text."""
    assert espeak().set_voice(voice)
    said = espeak().say(text)
    return Spoken(
        resample(said.samples, said.rate, SPEECH_RATE), [(p.name, p.start, p.end) for p in said.phones]
    )


@pytest.fixture
def say() -> Callable[..., Spoken]:
    """`say(text, voice)`: speech with its phones."""
    pytest.importorskip("espeakng_loader")
    return speak


@pytest.fixture(scope="session")
def lips() -> LipSync:
    """The lip model that is shipped."""
    return LipSync()
