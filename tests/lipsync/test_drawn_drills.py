"""Drills of speech, drawn on ada and judged by tracking her lips again."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest

from livekit_avatar.avatar import open_avatar
from livekit_avatar.engines.portrait.bank.face import BankFace
from livekit_avatar.engines.portrait.engine import PortraitEngine
from livekit_avatar.engines.portrait.face import PortraitFace
from livekit_avatar.face.mesh import FaceMesh
from livekit_avatar.lipsync.model import LipSync
from livekit_avatar.types import FPS, MOUTH_SHAPES, VISEMES, Image, MouthState, Samples

GAPS = ((81, 178), (82, 87), (13, 14), (312, 317), (311, 402))
CLOSED = 0.02
"""Aperture, over the distance of the eyes' corners, up to which tracked lips are together: ada at rest has
0.005."""

VOWELS = {
    "a": "ah, ah, ah.",
    "e": "heh, heh, heh.",
    "i": "he, he, he.",
    "o": "ho, ho, ho.",
    "u": "who, who, who.",
}
SPANISH = {"a": "ma, ma, ma", "e": "me, me, me", "i": "mi, mi, mi", "o": "mo, mo, mo", "u": "mu, mu, mu"}


@lru_cache(maxsize=3)
def face_of(source: str) -> PortraitFace | BankFace:
    return cast("PortraitFace | BankFace", open_avatar(source, size=512 if source == "ada" else 768).face)


def drawn(state: MouthState, source: str = "ada") -> Image:
    """The picture of a mouth."""
    face = face_of(source)
    return PortraitEngine().still(face, face.gauge.fit(state))


def tracked(image: Image, mesh: FaceMesh) -> tuple[float, float]:
    """Aperture and width of the lips in a picture."""
    points = mesh.find(image)[0].points[:, :2]

    def apart(a: int, b: int) -> float:
        return float(np.linalg.norm(points[a] - points[b]))

    return float(np.mean([apart(*pair) for pair in GAPS])) / apart(33, 263), apart(61, 291) / apart(33, 263)


@pytest.fixture
def mesh(face_model: Path) -> FaceMesh:
    return FaceMesh()


@pytest.mark.parametrize(
    ("text", "voice"), [("mama papa baby", "en-us"), ("mama papa baby", "en-us+m3"), ("mapa bebe", "es")]
)
def test_the_drawn_lips_close_on_every_p_b_and_m(
    lips: LipSync, say: Callable[..., Any], mesh: FaceMesh, text: str, voice: str
) -> None:
    spoken = say(text, voice)
    seen = [tracked(drawn(state), mesh)[0] for state in lips.states(spoken.samples)]
    for name, start, end in spoken.phones:
        if name in ("p", "b", "m"):
            here = seen[max(0, int((start - 0.08) * FPS)) : int((end + 0.04) * FPS) + 1]
            assert min(here) < CLOSED, f"{name} at {start:.2f} s stays open: {here}"
    assert max(seen) > 0.08


@pytest.mark.parametrize(("texts", "voice"), [(VOWELS, "en-us"), (VOWELS, "en-us+f3"), (SPANISH, "es")])
def test_drawn_vowels_are_as_open_and_as_wide_as_phonetics_says(
    lips: LipSync, say: Callable[..., Any], mesh: FaceMesh, texts: dict[str, str], voice: str
) -> None:
    apertures, widths = {}, {}
    for vowel, text in texts.items():
        spoken = say(text, voice)
        states = lips.states(spoken.samples)
        middles = [(start + end) / 2 for name, start, end in spoken.phones if _is_vowel(name)]
        seen = [tracked(drawn(states[int(middle * FPS)]), mesh) for middle in middles]
        apertures[vowel], widths[vowel] = np.mean(seen, axis=0)
    assert apertures["a"] == max(apertures.values())
    assert min(apertures["a"], apertures["e"], apertures["i"]) > max(apertures["o"], apertures["u"])
    assert apertures["a"] > 1.3 * apertures["i"]
    at_rest = tracked(drawn(_rest()), mesh)[1]
    assert widths["i"] == max(widths.values()) > at_rest
    assert widths["i"] > widths["a"] > widths["o"]
    if voice == "es":  # the English "oo" is spoken far forward: it sounds near "ee", and its lips are unsure
        assert widths["u"] < min(widths["o"] + 0.02, 0.9 * at_rest)  # as round as an "o", to what is tracked
    assert widths["o"] < 0.95 * at_rest


@pytest.mark.parametrize("name", ["ada", "lady_agnew", "donna_velata"])
def test_an_oo_purses_the_lips_and_an_ee_spreads_them(portraits: Path, mesh: FaceMesh, name: str) -> None:
    source = name if name == "ada" else str(portraits / f"{name}.jpg")
    mouths = {
        "oo": _mouth(0.15, -0.45, mouthPucker=0.5, mouthFunnel=0.25),
        "oh": _mouth(0.35, -0.25, mouthPucker=0.2, mouthFunnel=0.4, jawOpen=0.2),
        "rest": _rest(),
        "ee": _mouth(0.25, 0.35, mouthStretchLeft=0.3, mouthStretchRight=0.3),
    }
    seen = {vowel: tracked(drawn(mouth, source), mesh) for vowel, mouth in mouths.items()}
    widths = {vowel: width for vowel, (_, width) in seen.items()}
    assert widths["oo"] < 0.90 * widths["rest"]
    assert widths["oo"] < widths["oh"] < 0.97 * widths["rest"]
    assert widths["ee"] > 1.06 * widths["rest"]
    assert seen["oh"][0] > seen["oo"][0] + 0.02


@pytest.mark.parametrize(
    "sound",
    [
        np.zeros(32_000, np.int16),
        (np.random.default_rng(0).standard_normal(32_000) * 3_000).astype(np.int16),
        (8_000 * np.sin(2 * np.pi * 440 * np.arange(32_000) / 16_000)).astype(np.int16),
    ],
    ids=["silence", "white noise", "a tone"],
)
def test_what_is_not_speech_is_drawn_as_the_picture_itself(lips: LipSync, sound: Samples) -> None:
    rest = drawn(_rest())
    assert all(np.array_equal(drawn(state), rest) for state in lips.states(sound))


def _rest() -> MouthState:
    return MouthState(np.zeros(23, np.float32), np.eye(1, 15, dtype=np.float32)[0], 0.0, 0.0, 0.0)


def _mouth(aperture: float, width: float, **shapes: float) -> MouthState:
    values = np.array([shapes.get(name, 0.0) for name in MOUTH_SHAPES], np.float32)
    return MouthState(values, np.zeros(len(VISEMES), np.float32), aperture, width, 1.0)


def _is_vowel(name: str) -> bool:
    return any(letter in name for letter in "aeiouɑɛəʊæɔɐɪ")
