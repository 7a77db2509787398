"""The built-in characters: what ships, and the scripts that made it."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
from hashlib import sha256
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest
from places import ROOT, Golden

from livekit_avatar.avatars.bundle import Bundle, read_bundle
from livekit_avatar.avatars.catalogue import builtin_names
from livekit_avatar.engines.portrait.face import PortraitFace
from livekit_avatar.engines.portrait.pose import SHAPES, Pose
from livekit_avatar.engines.portrait.prepare import ARRAYS, LIDS, PICTURE
from livekit_avatar.face.picture import read_picture
from livekit_avatar.lipsync.visemes import VISEME_SHAPES
from livekit_avatar.types import VISEMES, Image

DATA = files("livekit_avatar") / "data"
SCRIPTS = ROOT / "models" / "characters"


@pytest.fixture(scope="module", params=builtin_names())
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def character(name: str) -> Bundle:
    return read_bundle(Path(str(DATA / f"{name}.avatar")))


@pytest.fixture(scope="module")
def face(character: Bundle) -> PortraitFace:
    """At the size of its pictures."""
    return PortraitFace.load(character, size=len(character.picture(PICTURE)))


@pytest.fixture(scope="module")
def ada() -> Bundle:
    return read_bundle(Path(str(DATA / "ada.avatar")))


def pose(**shapes: float) -> Pose:
    values = np.zeros(len(SHAPES), np.float32)
    for name, value in shapes.items():
        values[SHAPES.index(name)] = value
    return Pose(values)


def eye_masks(character: Bundle) -> list[np.ndarray]:
    """The opening of each eye, (H, W) bool."""
    masks = []
    for upper, lower in character.arrays(ARRAYS)["eyes"]:
        mask = np.zeros(character.picture(PICTURE).shape[:2], np.uint8)
        outline = np.concatenate([upper, lower[::-1]])
        masks.append(cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 1).astype(bool))
    return masks


def difference(a: Image, b: Image) -> np.ndarray:
    return np.abs(a[..., :3].astype(np.int16) - b[..., :3]).mean(axis=2)


def test_there_are_six_characters_and_they_are_small() -> None:
    sizes = {path.name: len(path.read_bytes()) for path in DATA.iterdir() if path.name.endswith(".avatar")}
    assert len(sizes) == 6
    assert max(sizes.values()) <= 3_000_000
    assert sum(sizes.values()) <= 10_000_000


def test_a_character_is_free_to_use(character: Bundle, name: str) -> None:
    assert character.manifest.name == name
    assert character.manifest.licence in ("CC0-1.0", "Apache-2.0")
    assert character.manifest.consent
    assert not character.manifest.warnings


def test_the_card_names_each_file_as_it_is(name: str) -> None:
    card = (SCRIPTS / "README.md").read_text()
    assert f"{name}.avatar" in card
    assert sha256((DATA / f"{name}.avatar").read_bytes()).hexdigest() in card


def test_a_character_has_the_default_size_unless_another_is_asked_for(
    character: Bundle, face: PortraitFace
) -> None:
    assert character.manifest.engine == "portrait"
    assert character.manifest.size == PortraitFace.load(character).size == (512, 512)
    assert min(face.size) >= 640


def test_a_character_at_rest_is_its_picture(character: Bundle, face: PortraitFace) -> None:
    np.testing.assert_array_equal(face.draw(pose()), character.picture(PICTURE))


def test_a_character_opens_its_mouth(character: Bundle, face: PortraitFace) -> None:
    changed = difference(face.draw(pose(jawOpen=0.6)), face.draw(pose()))
    lips = character.arrays(ARRAYS)["lips"]
    middle, half = lips.mean(axis=(0, 1)).round().astype(int), int(np.ptp(lips[..., 0]) / 6)
    below = changed[middle[1] + half // 3 : middle[1] + half, middle[0] - half : middle[0] + half]
    assert below.mean() > 30


def test_a_character_closes_its_eyes_as_they_were_drawn(character: Bundle, face: PortraitFace) -> None:
    closed = face.draw(pose(eyeBlinkLeft=1, eyeBlinkRight=1))
    for opening in eye_masks(character):
        assert difference(closed, character.picture(LIDS))[opening].mean() < 6
        assert difference(closed, character.picture(PICTURE))[opening].mean() > 20


@pytest.mark.parametrize("viseme", ["PP", "FF", "TH", "SS", "aa", "E", "oh", "ou"])
def test_ada_shows_visemes_as_she_did(viseme: str, ada: Bundle, golden: Golden) -> None:
    mouth = VISEME_SHAPES[VISEMES.index(viseme)]
    shapes = np.concatenate([mouth, np.zeros(len(SHAPES) - len(mouth), np.float32)])
    golden(f"ada_{viseme}", PortraitFace.load(ada).draw(Pose(shapes))[100:400, 130:390])


def test_ada_blinks_as_she_did(ada: Bundle, golden: Golden) -> None:
    half = pose(eyeBlinkLeft=0.6, eyeBlinkRight=1)
    golden("ada_blink", PortraitFace.load(ada).draw(half)[100:400, 130:390])


@pytest.mark.skipif(importlib.util.find_spec("bpy") is None, reason="Blender as a module is not installed")
@pytest.mark.timeout(900)
def test_the_script_still_draws_ada(golden: Golden, tmp_path: Path) -> None:
    picture = tmp_path / "ada.png"
    coarse = ["--size", "320", "--samples", "16", "--step", "0.014", "--density", "0.4"]
    subprocess.run(
        [sys.executable, str(SCRIPTS / "make.py"), "ada", "--picture", str(picture), *coarse], check=True
    )
    golden("ada_320", read_picture(picture))


def test_the_script_still_draws_noor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(SCRIPTS)
    noor = importlib.import_module("noor").NOOR
    kept = read_bundle(Path(str(DATA / "noor.avatar")))
    for member, blink in ((PICTURE, 0), (LIDS, 1)):
        drawn, shipped = noor.draw(960, blink), kept.picture(member)
        assert difference(drawn, shipped)[shipped[..., 3] > 0].mean() < 0.5
        np.testing.assert_allclose(drawn[..., 3].astype(int), shipped[..., 3], atol=2)


def test_noor_stands_on_nothing() -> None:
    picture = read_bundle(Path(str(DATA / "noor.avatar"))).picture(PICTURE)
    assert not picture[:40, :, 3].any()
    assert (picture[500:600, 460:500, 3] == 255).all()
