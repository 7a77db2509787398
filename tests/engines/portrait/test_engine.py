"""From a picture to a face that talks, through the engine's protocol alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from livekit_avatar import engines
from livekit_avatar.avatars.bundle import Bundle
from livekit_avatar.creation import prepare
from livekit_avatar.engines.base import Engine, Face, Step
from livekit_avatar.engines.portrait import PortraitEngine
from livekit_avatar.engines.portrait.pose import SHAPES
from livekit_avatar.errors import NoFaceError, PreparationCancelledError
from livekit_avatar.face.picture import read_picture
from livekit_avatar.types import Image, Samples

JAW = SHAPES.index("jawOpen")
_prepared: list[Bundle] = []


@pytest.fixture
def picture(portraits: Path) -> Image:
    return read_picture(portraits / "donna_velata.jpg")


@pytest.fixture
def bundle(picture: Image, face_model: Path) -> Bundle:
    if not _prepared:
        _prepared.append(prepare(picture, name="donna", size=256))
    return _prepared[0]


@pytest.fixture
def engine() -> Engine:
    return PortraitEngine()


@pytest.fixture
def face(engine: Engine, bundle: Bundle) -> Face:
    return engine.load(bundle)


def syllables(count: int) -> Samples:
    """Something like "a a a": buzzes of 200 ms through a vowel's two resonances, 120 ms apart."""
    time = np.arange(3200) / 16_000
    voice = sum(np.sin(2 * np.pi * 120 * k * time) * _vowel(120 * k) for k in range(1, 40))
    syllable = voice * np.hanning(len(time)) / np.abs(voice).max() * 20_000
    return np.tile(np.concatenate([syllable, np.zeros(1920)]), count).astype(np.int16)


def _vowel(frequency: float) -> float:
    return 0.02 + sum(float(np.exp(-(((frequency - peak) / 120) ** 2))) for peak in (750, 1200))


def test_it_is_found_by_its_name() -> None:
    assert isinstance(engines.get("portrait"), PortraitEngine)


def test_naming_it_imports_nothing_heavy() -> None:
    code = (
        "import sys, livekit_avatar.engines.portrait as p; dir(p);"
        "assert not {'cv2', 'onnxruntime', 'ai_edge_litert'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_it_tells_what_it_offers(engine: Engine) -> None:
    info = engine.info
    assert (info.name, info.emotions, info.alpha) == ("portrait", True, True)
    assert info.actions == ("nod", "shake", "raise_brows", "blink")
    assert 0 < info.lookahead <= 3200


def test_the_progress_of_a_preparation_rises_to_one(engine: Engine, picture: Image, face_model: Path) -> None:
    told: list[float] = []
    engine.prepare(picture, size=128, progress=lambda part, stage: told.append(part))
    assert told == sorted(told) and told[0] == 0 and told[-1] == 1


def test_what_the_face_check_warns_of_is_passed_on(engine: Engine, portraits: Path, face_model: Path) -> None:
    turned = engine.prepare(read_picture(portraits / "pearl_earring.jpg"), size=256)
    assert any("turned" in warning for warning in turned.warnings)


def test_a_preparation_can_be_cancelled(engine: Engine, picture: Image, face_model: Path) -> None:
    with pytest.raises(PreparationCancelledError):
        engine.prepare(picture, cancel=lambda: True)


def test_a_picture_without_a_face_is_refused(engine: Engine, face_model: Path) -> None:
    with pytest.raises(NoFaceError):
        engine.prepare(np.full((256, 256, 4), 128, np.uint8))


def test_the_mouth_opens_with_speech_and_is_at_rest_without(engine: Engine, face: Face) -> None:
    performance = engine.perform(face)
    silent = [performance.idle() for _ in range(5)]
    performance.push(syllables(5))
    performance.end_segment()
    engine.hear([performance])
    spoken = [performance.next() for _ in range(40)]
    assert all(isinstance(step, Step) for step in spoken)
    opened = [float(step.data.pose.shapes[JAW]) for step in spoken if isinstance(step, Step)]
    assert max(opened) > 0.1
    assert max(float(step.data.pose.shapes[JAW]) for step in silent) == 0


def test_each_step_becomes_a_picture_of_the_faces_size_that_the_caller_owns(
    engine: Engine, face: Face
) -> None:
    performance = engine.perform(face)
    images = engine.render([performance.idle(), performance.idle()])
    width, height = face.size
    assert len(images) == 2
    for image in images:
        assert image.shape == (height, width, 4) and image.dtype == np.uint8
        assert image.flags.c_contiguous and image.flags.writeable
    assert not np.shares_memory(images[0], images[1])


def test_several_sessions_are_heard_together_as_they_would_be_alone(engine: Engine, face: Face) -> None:
    def poses(count: int) -> list[list[float]]:
        performances = [engine.perform(face, seed=seed) for seed in range(count)]
        for seed, performance in enumerate(performances):
            performance.push(syllables(4)[seed * 700 :])
            performance.end_segment()
        engine.hear(performances)
        steps = [performances[0].next() for _ in range(30)]
        return [step.data.pose.shapes.tolist() for step in steps if isinstance(step, Step)]

    assert np.allclose(poses(1), poses(3), atol=1e-4)


def test_speech_in_small_pieces_gives_the_same_pictures_as_in_one(engine: Engine, face: Face) -> None:
    def pictures(pieces: list[Samples]) -> list[Image]:
        performance = engine.perform(face, seed=1)
        for piece in pieces:
            performance.push(piece)
            engine.hear([performance])
        performance.end_segment()
        engine.hear([performance])
        steps = [performance.next() for _ in range(12)]
        return engine.render([step for step in steps if isinstance(step, Step)])

    speech = syllables(2)
    whole, cut = pictures([speech]), pictures(np.array_split(speech, 23))
    assert len(whole) == len(cut) == 12
    for one, other in zip(whole, cut, strict=True):
        assert np.abs(one.astype(np.int16) - other).max() <= 2
