"""A picture with mouths that were made for it: they are laid over, then head, eyes and brows move."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import numpy as np
import pytest

from livekit_avatar.avatars.bank import read_bank
from livekit_avatar.avatars.bundle import Bundle, read_bundle
from livekit_avatar.engines.portrait.bank.face import BankFace
from livekit_avatar.engines.portrait.bank.plane import CONTROLS, LIPS
from livekit_avatar.engines.portrait.bank.selection import PAINTED
from livekit_avatar.engines.portrait.bank.skin import Skin
from livekit_avatar.engines.portrait.emotions import look
from livekit_avatar.engines.portrait.face import PortraitFace
from livekit_avatar.engines.portrait.motion import Direction
from livekit_avatar.engines.portrait.pose import SHAPES, Pose
from livekit_avatar.lipsync.visemes import VISEME_SHAPES
from livekit_avatar.types import MOUTH_SHAPES, PLAIN, VISEMES, Emotion, Floats, Image

UNIT = 100.0


def bundle(name: str) -> Bundle:
    return read_bundle(Path(str(resources.files("livekit_avatar") / "data" / f"{name}.avatar")))


@pytest.fixture(scope="module")
def ada() -> BankFace:
    return BankFace(bundle("ada"))


@pytest.fixture(scope="module")
def picture() -> PortraitFace:
    """The same picture without its mouths."""
    return PortraitFace.load(bundle("ada"))


def pose(**shapes: float) -> Pose:
    return Pose(np.array([shapes.get(name, 0.0) for name in SHAPES], np.float32))


def viseme(number: int) -> Pose:
    shapes = np.zeros(len(SHAPES), np.float32)
    shapes[: len(MOUTH_SHAPES)] = VISEME_SHAPES[number]
    return Pose(shapes)


def difference(a: Image, b: Image) -> np.ndarray:
    return np.asarray(np.abs(a.astype(int) - b).max(axis=2))


def test_at_rest_it_looks_as_its_picture_does(ada: BankFace, picture: PortraitFace) -> None:
    assert difference(ada.still(pose()), picture.draw(pose())).mean() < 0.5


def test_speech_changes_nothing_above_the_nose(ada: BankFace, picture: PortraitFace) -> None:
    changed = np.argwhere(difference(ada.still(pose(jawOpen=0.6)), picture.draw(pose())) > 0)
    assert changed[:, 0].min() > picture.head.points[4, 1] - 0.3 * picture.head.unit
    assert len(changed) > 1000


def test_head_and_brows_move_as_a_portraits_do(ada: BankFace, picture: PortraitFace) -> None:
    turned = Pose(pose(browInnerUp=1.0).shapes, yaw=0.15)
    brows = slice(0, int(picture.head.points[4, 1] - 0.3 * picture.head.unit))
    assert difference(ada.still(turned)[brows], picture.draw(turned)[brows]).max() == 0
    assert difference(ada.still(turned)[brows], ada.still(pose())[brows]).max() > 20


def test_no_mouth_is_painted(ada: BankFace) -> None:
    choice = ada.selection.begin()
    for number in range(len(VISEME_SHAPES)):
        choice = ada.selection.next(choice, ada.target(viseme(number)), ada.turn(0), viseme(number))
        assert PAINTED not in {mouth for mouth, _ in choice.layers}


def test_the_lower_lip_is_under_the_teeth_in_an_f(ada: BankFace) -> None:
    spoken = viseme(VISEMES.index("FF"))
    chosen = ada.selection.next(ada.selection.begin(), ada.target(spoken), ada.turn(0), spoken).mouth
    assert read_bank(bundle("ada"), controls=len(CONTROLS)).tuck[chosen] > 0.5


def test_the_tongue_is_seen_in_a_th(ada: BankFace) -> None:
    spoken = viseme(VISEMES.index("TH"))
    chosen = ada.selection.next(ada.selection.begin(), ada.target(spoken), ada.turn(0), spoken).mouth
    assert read_bank(bundle("ada"), controls=len(CONTROLS)).tongue[chosen] > 0.3


@pytest.mark.parametrize("size", [256, 1280])
def test_it_opens_its_mouth_as_far_at_any_size(ada: BankFace, size: int) -> None:
    other = BankFace(bundle("ada"), size)
    assert other.still(pose(jawOpen=0.5)).shape == (size, size, 4)

    def gap(face: BankFace) -> float:
        target = face.target(pose(jawOpen=0.5))
        return float(target[CONTROLS.index(14), 1] - target[CONTROLS.index(13), 1]) / face.plane.unit

    assert gap(other) == pytest.approx(gap(ada), rel=0.03)


def test_what_is_cut_out_stays_cut_out() -> None:
    noor, cutout = BankFace(bundle("noor")), PortraitFace.load(bundle("noor"))
    np.testing.assert_array_equal(noor.still(pose(jawOpen=0.5))[..., 3], cutout.draw(pose())[..., 3])


def test_a_session_has_no_film_and_one_picture(ada: BankFace) -> None:
    mover, told = ada.mover(0), Direction(look(Emotion()), [], 0, PLAIN)
    shots = [mover.pose(mover.advance(mover.begin(), None, told)) for _ in range(3)]
    assert {(shot.film, shot.picture) for shot in shots} == {(None, 0)}


def mouths() -> Floats:
    """Two mouths: shut, and open with the chin 30 pixels lower."""
    shut = np.random.default_rng(0).uniform(0, UNIT, (len(CONTROLS), 2)).astype(np.float32)
    opened = shut.copy()
    opened[: len(LIPS), 1] += 10
    opened[len(LIPS) :, 1] += 30
    return np.stack([shut, opened])


def test_chin_and_cheeks_are_where_the_mouth_has_them() -> None:
    points = mouths()
    skin = Skin(points, UNIT)
    for known in points:
        np.testing.assert_allclose(skin.follow(known), known, atol=1e-3)


def test_the_chin_glides_from_mouth_to_mouth() -> None:
    points = mouths()
    way = np.linspace(0, 1, 26, dtype=np.float32)
    chins = [
        Skin(points, UNIT).follow(points[0] + part * (points[1] - points[0]))[len(LIPS) :, 1] for part in way
    ]
    steps = np.diff(np.mean(chins, axis=1))
    assert steps.min() > -1e-3
    assert steps.max() < 6


def test_lips_are_not_pulled_further_than_a_mouth_bears() -> None:
    points = mouths()
    wanted = points[1].copy()
    wanted[: len(LIPS), 1] += 50
    pulled = Skin(points, UNIT).follow(wanted)[: len(LIPS)] - points[1, : len(LIPS)]
    assert 0 < np.linalg.norm(pulled, axis=1).max() <= 0.0851 * UNIT
