"""A face made of a clip: the clip's own pictures, its own mouths, and the words that it is told."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import cv2
import numpy as np
import pytest
from places import DATA
from requirements import skip

from livekit_avatar.avatar import open_bundle
from livekit_avatar.avatars.bundle import Bundle, Manifest, encode_bundle, read_bundle
from livekit_avatar.avatars.playback import encode_film
from livekit_avatar.engines.base import Prepared
from livekit_avatar.engines.portrait import topology as lips
from livekit_avatar.engines.portrait.bank.face import BankFace
from livekit_avatar.engines.portrait.bank.mover import Shot, Take, forth_and_back
from livekit_avatar.engines.portrait.bank.plane import inverse, moved
from livekit_avatar.engines.portrait.bank.prepare import prepare_clip
from livekit_avatar.engines.portrait.bank.selection import PAINTED
from livekit_avatar.engines.portrait.bank.survey import survey
from livekit_avatar.engines.portrait.emotions import look
from livekit_avatar.engines.portrait.face import PortraitFace
from livekit_avatar.engines.portrait.motion import Direction
from livekit_avatar.engines.portrait.pose import SHAPES, Pose
from livekit_avatar.engines.portrait.prepare import prepare_portrait
from livekit_avatar.errors import (
    ClipCutError,
    FaceTooSmallError,
    NoFaceError,
    PreparationCancelledError,
    SeveralFacesError,
)
from livekit_avatar.face.clip import Clip, open_clip
from livekit_avatar.face.mesh import FaceMesh, Landmarks
from livekit_avatar.face.picture import read_picture
from livekit_avatar.lipsync.visemes import VISEME_SHAPES
from livekit_avatar.types import FPS, PLAIN, SPEECH_RATE, AudioChunk, Emotion, Floats, Image

SIDE = 288
JAW = SHAPES.index("jawOpen")


def bundled(prepared: Prepared) -> Bundle:
    manifest = Manifest("portrait", 1, "clip", prepared.size, FPS)
    return read_bundle(encode_bundle(Bundle(manifest, prepared.members)))


@pytest.fixture(scope="module")
def mesh() -> FaceMesh:
    model = DATA / "face_landmarker.task"
    if not model.is_file():
        skip("face-model", "run `livekit-avatar models download face-landmarker`")
    return FaceMesh(model)


@pytest.fixture(scope="module")
def painting(mesh: FaceMesh) -> PortraitFace:
    picture = DATA / "portraits" / "lady_agnew.jpg"
    if not picture.is_file():
        skip("portraits", "no folder ../shared/data/portraits")
    whole = read_picture(picture)
    face = mesh.find(whole)[0]
    x, y = face.points[:, :2].mean(axis=0)
    half = 1.2 * face.box[3]
    matrix = np.array([[1, 0, half - x], [0, 1, half - y]]) * SIDE / (2 * half)
    framed = cv2.warpAffine(
        whole, matrix, (SIDE, SIDE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    framed = np.asarray(framed, np.uint8)
    return PortraitFace.load(bundled(prepare_portrait(framed, mesh.find(framed)[0], size=SIDE)))


@pytest.fixture(scope="module")
def clip(painting: PortraitFace, tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """Five seconds of a painting that goes through the visemes and turns its head a little."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    path.write_bytes(encode_film(talk(painting), (SIDE, SIDE), quality=12))
    return open_clip(path)


@pytest.fixture(scope="module")
def silent(painting: PortraitFace, tmp_path_factory: pytest.TempPathFactory) -> Clip:
    """The same, but it says nothing."""
    path = tmp_path_factory.mktemp("clip") / "silent.mp4"
    path.write_bytes(encode_film(talk(painting, part_lips=0), (SIDE, SIDE), quality=12))
    return open_clip(path)


def talk(face: PortraitFace, part_lips: float = 1) -> Iterator[Image]:
    for frame in range(5 * FPS):
        viseme, part = divmod(frame / 5, 1)
        shapes = np.zeros(len(SHAPES), np.float32)
        first, second = VISEME_SHAPES[int(viseme) % 15], VISEME_SHAPES[(int(viseme) + 1) % 15]
        shapes[: len(first)] = (first + (second - first) * part) * part_lips
        yield face.draw(Pose(shapes, yaw=0.03 * float(np.sin(frame / 9))))[..., :3]


@pytest.fixture(scope="module")
def told() -> list[float]:
    """What `progress` was told while `prepared` was made."""
    return []


@pytest.fixture(scope="module")
def prepared(clip: Clip, mesh: FaceMesh, told: list[float]) -> Prepared:
    return prepare_clip(clip, mesh, progress=lambda done, stage: told.append(done))


@pytest.fixture(scope="module")
def face(prepared: Prepared) -> BankFace:
    return BankFace(bundled(prepared))


def opened(jaw: float) -> Pose:
    shapes = np.zeros(len(SHAPES), np.float32)
    shapes[JAW] = jaw
    return Pose(shapes)


def shot(face: BankFace, pose: Pose, picture: int = 20) -> Shot:
    target = face.target(pose)
    choice = face.selection.begin()
    for _ in range(4):
        choice = face.selection.next(choice, target, face.turn(picture), pose)
    return Shot(face.play(), picture, target + face.shift(picture), choice.layers, pose)


def gap(mesh: FaceMesh, picture: Image) -> float:
    points = mesh.find(picture)[0].points
    eyes = np.linalg.norm(points[lips.LEFT_IRIS[0]] - points[lips.RIGHT_IRIS[0]])
    return float(np.linalg.norm(points[13, :2] - points[14, :2]) / eyes)


def test_a_clip_becomes_the_members_of_an_avatar(prepared: Prepared, told: list[float]) -> None:
    names = {"bank.safetensors", "base.mp4", "mouths.mp4", "picture.png", "portrait.safetensors"}
    assert set(prepared.members) == names
    assert prepared.size == (SIDE, SIDE)
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_it_has_mouths_that_are_unlike_one_another(face: BankFace) -> None:
    shut, wide = (shot(face, opened(jaw)).mouths for jaw in (0.0, 0.5))
    assert shut != wide
    assert PAINTED not in {mouth for mouth, _ in (*shut, *wide)}


def test_the_lips_part_as_far_as_they_are_told(face: BankFace, mesh: FaceMesh) -> None:
    gaps = [gap(mesh, face.draw(shot(face, opened(jaw)))) for jaw in (0.0, 0.25, 0.5)]
    assert gaps[0] < 0.03
    assert gaps[0] + 0.04 < gaps[1] < gaps[2] - 0.04


def test_what_is_not_the_lower_face_is_the_clips_own(face: BankFace) -> None:
    one = shot(face, opened(0.4))
    drawn, filmed = face.draw(one), face.play().picture(one.picture)
    bridge = moved(inverse(face._bank.base[one.picture]), face._bank.rest[197])
    assert (drawn[: int(bridge[1])] == filmed[: int(bridge[1])]).all()
    assert (drawn != filmed).any()
    assert (drawn[..., 3] == 255).all()


def test_the_same_shot_is_the_same_bytes(face: BankFace) -> None:
    one, same = shot(face, opened(0.3)), shot(face, opened(0.3))
    face.draw(shot(face, opened(0.1), picture=50))
    assert (face.draw(one) == face.draw(same)).all()


def test_a_face_is_drawn_at_the_size_that_is_wanted(prepared: Prepared) -> None:
    small = BankFace(bundled(prepared), 144)
    assert small.size == (144, 144)
    assert small.still(opened(0.2)).shape == (144, 144, 4)


def test_where_no_mouth_is_alike_one_is_painted(face: BankFace) -> None:
    target = face.target(opened(0.0)) + np.array([0, 0.4 * face._bank.unit[0]], np.float32)
    choice = face.selection.next(face.selection.begin(), target, face.turn(0), opened(0.0))
    assert choice.mouth == PAINTED
    assert face.draw(Shot(face.play(), 0, target, choice.layers, opened(0.0))).shape == (SIDE, SIDE, 4)


def test_a_clip_in_which_nobody_talks_still_speaks_with_painted_teeth(silent: Clip, mesh: FaceMesh) -> None:
    prepared = prepare_clip(silent, mesh)
    assert any("Nobody talks" in warning for warning in prepared.warnings)
    mute = BankFace(bundled(prepared))
    wide = shot(mute, opened(0.5))
    assert PAINTED in {mouth for mouth, _ in wide.mouths}
    assert gap(mesh, mute.draw(wide)) > gap(mesh, mute.draw(shot(mute, opened(0.0)))) + 0.08


def advanced(face: BankFace, takes: int, *, seed: int = 0) -> list[Take]:
    mover, told = face.mover(seed), Direction(look(Emotion()), [], 0, PLAIN)
    made = [mover.begin()]
    for _ in range(takes):
        made.append(mover.advance(made[-1], None, told))
    return made


def test_the_film_is_played_forth_and_back() -> None:
    assert [forth_and_back(played, 4) for played in range(9)] == [0, 1, 2, 3, 2, 1, 0, 1, 2]
    assert {forth_and_back(played, 1) for played in range(9)} == {0}


def test_pictures_follow_one_another_without_a_jump(face: BankFace) -> None:
    pictures = [forth_and_back(take.played, face.pictures) for take in advanced(face, 3 * face.pictures)]
    assert np.abs(np.diff(pictures)).max() == 1


def test_the_seed_decides_where_the_film_begins(face: BankFace) -> None:
    assert advanced(face, 1, seed=3)[0].played == advanced(face, 1, seed=3)[0].played
    assert len({advanced(face, 0, seed=seed)[0].played for seed in range(8)}) > 1


def test_the_same_take_is_always_followed_by_the_same(face: BankFace) -> None:
    mover, told = face.mover(0), Direction(look(Emotion()), [], 0, PLAIN)
    take = mover.begin()
    one, same = mover.pose(mover.advance(take, None, told)), mover.pose(mover.advance(take, None, told))
    assert one.picture == same.picture
    assert one.mouths == same.mouths
    assert (one.target == same.target).all()


def test_preparing_can_be_cancelled(clip: Clip, mesh: FaceMesh) -> None:
    with pytest.raises(PreparationCancelledError):
        prepare_clip(clip, mesh, cancel=lambda: True)


SPOTS = np.random.default_rng(0).uniform(40, 200, (478, 3)).astype(np.float32)


def someone(height: float) -> Landmarks:
    return Landmarks(SPOTS, np.zeros(52, np.float32), 1.0, (40.0, 40.0, height, height))


def surveyed(faces: list[Landmarks], pictures: list[Image]) -> None:
    """A survey whose networks see what the test says."""
    seer = SimpleNamespace(find=lambda picture: faces, follow=lambda picture, before: before)
    film = SimpleNamespace(
        seconds=len(pictures) / FPS, label="The clip 'x'", pictures=lambda size: iter(pictures)
    )
    survey(cast(Any, film), (256, 256), cast(Any, seer), lambda done: None)


def plain(count: int, level: int = 90) -> list[Image]:
    return [np.full((256, 256, 4), level, np.uint8)] * count


def test_a_clip_of_two_people_is_refused() -> None:
    with pytest.raises(SeveralFacesError, match="several faces"):
        surveyed([someone(160), someone(140)], plain(150))


def test_a_clip_without_a_face_is_refused() -> None:
    with pytest.raises(NoFaceError, match="no face"):
        surveyed([], plain(150))


def test_a_clip_of_a_tiny_face_is_refused() -> None:
    with pytest.raises(FaceTooSmallError, match="20 pixels high"):
        surveyed([someone(20)], plain(150))


def test_a_clip_with_a_cut_is_refused() -> None:
    with pytest.raises(ClipCutError, match=r"cut at 3\.0 s"):
        surveyed([someone(160)], plain(75) + plain(75, level=180))


def test_a_clip_in_changing_light_is_taken() -> None:
    surveyed([someone(160)], [picture for level in range(60, 210) for picture in plain(1, level)])


def test_the_unit_of_targets_is_the_plane(face: BankFace) -> None:
    moves: Floats = face.target(opened(0.5)) - face.target(opened(0.0))
    assert 0.1 * face._bank.unit[0] < float(moves[:, 1].max()) < 0.4 * face._bank.unit[0]


def test_it_speaks_a_recording(prepared: Prepared) -> None:
    noise = np.random.default_rng(0).integers(-9000, 9000, 8000).astype(np.int16)
    frames = list(open_bundle(bundled(prepared)).render(AudioChunk(noise, SPEECH_RATE)))
    assert len(frames) == 13
    assert {frame.image.shape for frame in frames} == {(SIDE, SIDE, 4)}
    assert len({frame.image.tobytes() for frame in frames}) == 13
