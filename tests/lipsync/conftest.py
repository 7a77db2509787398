"""Speech for the lips: sentences spoken by eSpeak NG, with the time of every phone."""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from livekit_avatar.audio.resample import resample
from livekit_avatar.lipsync.model import LipSync
from livekit_avatar.types import SPEECH_RATE, Samples

RECIPE = Path(__file__).parents[2] / "models" / "lipsync"


@dataclass(frozen=True)
class Spoken:
    """(n,) int16 speech at 16 kHz, and (IPA name, start, end) of its phones in seconds."""

    samples: Samples
    phones: list[tuple[str, float, float]]


def recipe(name: str) -> ModuleType:
    """A module of the training, which is a folder of scripts and no package."""
    sys.path.insert(0, str(RECIPE))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(RECIPE))


_SPEAK = """
import json, sys, espeak
espeak.set_voice(sys.argv[2])
said = espeak.say(sys.argv[1])
print(json.dumps([said.rate, said.samples.tolist(), [(p.name, p.start, p.end) for p in said.phones]]))
"""


@lru_cache(maxsize=32)
def speak(text: str, voice: str = "en-us", before: str = "") -> Spoken:
    """Speak a text, in a process of its own: what eSpeak NG said before changes how it says the next.

    It runs a statement `before`.
    """
    command = [sys.executable, "-c", f"{before}\n{_SPEAK}", text, voice]
    answer = subprocess.run(command, cwd=RECIPE, capture_output=True, check=True).stdout
    rate, samples, phones = json.loads(answer)
    return Spoken(
        resample(np.array(samples, np.int16), rate, SPEECH_RATE), [tuple(phone) for phone in phones]
    )


@pytest.fixture
def say() -> Callable[..., Spoken]:
    """`say(text, voice, before)`: speech with its phones."""
    pytest.importorskip("espeakng_loader")
    return speak


@pytest.fixture(scope="session")
def lips() -> LipSync:
    """The lip model that is shipped."""
    return LipSync()


@pytest.fixture(scope="session")
def own_espeak(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A copy of eSpeak NG's library: loaded once more, it shares no state with the demo's voice."""
    loader = pytest.importorskip("espeakng_loader")
    library = Path(loader.get_library_path())
    return str(shutil.copy(library, tmp_path_factory.mktemp("espeak") / library.name))


@pytest.fixture
def training(own_espeak: str, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], ModuleType]:
    """`training(name)`: a module of models/lipsync."""
    monkeypatch.setattr("espeakng_loader.get_library_path", lambda: own_espeak)
    return recipe
