"""The built-in character: what ships, and the script that made it."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest
from places import ROOT, Golden

from livekit_avatar.avatars.bundle import Bundle, read_bundle
from livekit_avatar.engines.portrait.face import PortraitFace
from livekit_avatar.engines.portrait.pose import SHAPES, Pose
from livekit_avatar.engines.portrait.prepare import ARRAYS, LIDS, PICTURE
from livekit_avatar.face.picture import read_picture
from livekit_avatar.lipsync.visemes import VISEME_SHAPES
from livekit_avatar.types import VISEMES, Image

ADA = Path(str(files("livekit_avatar") / "data" / "ada.avatar"))


@pytest.fixture(scope="module")
def ada() -> Bundle:
    return read_bundle(ADA)


@pytest.fixture(scope="module")
def face(ada: Bundle) -> PortraitFace:
    """At the size of her pictures."""
    return PortraitFace.load(ada, size=len(ada.picture(PICTURE)))


def pose(**shapes: float) -> Pose:
    values = np.zeros(len(SHAPES), np.float32)
    for name, value in shapes.items():
        values[SHAPES.index(name)] = value
    return Pose(values)


def eye_masks(ada: Bundle) -> list[np.ndarray]:
    """The opening of each eye, (H, W) bool."""
    masks = []
    for upper, lower in ada.arrays(ARRAYS)["eyes"]:
        mask = np.zeros(ada.picture(PICTURE).shape[:2], np.uint8)
        outline = np.concatenate([upper, lower[::-1]])
        masks.append(cv2.fillPoly(mask, [np.round(outline).astype(np.int32)], 1).astype(bool))
    return masks


def difference(a: Image, b: Image) -> np.ndarray:
    return np.abs(a[..., :3].astype(np.int16) - b[..., :3]).mean(axis=2)


def test_ada_is_small_and_free_to_use(ada: Bundle) -> None:
    assert ADA.stat().st_size <= 3_000_000
    assert ada.manifest.licence in ("CC0-1.0", "Apache-2.0")
    assert ada.manifest.consent
    assert not ada.manifest.warnings


def test_ada_has_the_default_size_unless_another_is_asked_for(ada: Bundle, face: PortraitFace) -> None:
    assert ada.manifest.engine == "portrait"
    assert ada.manifest.size == PortraitFace.load(ada).size == (512, 512)
    assert face.size == (960, 960)


def test_ada_at_rest_is_her_picture(ada: Bundle, face: PortraitFace) -> None:
    np.testing.assert_array_equal(face.draw(pose()), ada.picture(PICTURE))


def test_ada_opens_her_mouth(ada: Bundle, face: PortraitFace) -> None:
    changed = difference(face.draw(pose(jawOpen=0.6)), face.draw(pose()))
    middle = ada.arrays(ARRAYS)["lips"].mean(axis=(0, 1)).round().astype(int)
    below_the_seam = changed[middle[1] + 8 : middle[1] + 28, middle[0] - 24 : middle[0] + 24]
    assert below_the_seam.mean() > 30


def test_ada_closes_her_eyes_as_they_were_rendered(ada: Bundle, face: PortraitFace) -> None:
    closed = face.draw(pose(eyeBlinkLeft=1, eyeBlinkRight=1))
    for opening in eye_masks(ada):
        assert difference(closed, ada.picture(LIDS))[opening].mean() < 6
        assert difference(closed, ada.picture(PICTURE))[opening].mean() > 20


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
    script = ROOT / "models" / "characters" / "make.py"
    subprocess.run([sys.executable, str(script), "--picture", str(picture), *coarse], check=True)
    golden("ada_320", read_picture(picture))
