"""The face of a portrait is found, wherever and however large it is; where none is, nothing is found."""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from retouch import with_open_mouth

from livekit_avatar.errors import ModelCorruptError, ModelNotFoundError
from livekit_avatar.face.mesh import BLENDSHAPE_NAMES, FaceMesh, Landmarks
from livekit_avatar.types import Image

NAMES = ["donna_velata", "lady_agnew", "mona_lisa", "pearl_earring"]
RIGHT_IRIS, LEFT_IRIS, NOSE, MOUTH_TOP, MOUTH_BOTTOM, CHIN, FOREHEAD = 468, 473, 4, 13, 14, 152, 10
Portrait = Callable[[str], Image]


def only(faces: list[Landmarks]) -> Landmarks:
    assert len(faces) == 1
    return faces[0]


def apart(one: Landmarks, points: np.ndarray) -> float:
    """Mean distance of landmarks in inter-ocular distances."""
    eyes = np.linalg.norm(one.points[LEFT_IRIS, :2] - one.points[RIGHT_IRIS, :2])
    return float(np.linalg.norm(one.points[:, :2] - points, axis=1).mean() / eyes)


@pytest.mark.parametrize("name", NAMES)
def test_each_portrait_shows_one_face_with_its_parts_in_order(
    name: str, mesh: FaceMesh, portrait: Portrait
) -> None:
    face = only(mesh.find(portrait(name)))
    assert face.presence > 0.9
    assert face.points.shape == (478, 3) and face.points.dtype == np.float32
    order = [FOREHEAD, RIGHT_IRIS, NOSE, MOUTH_TOP, MOUTH_BOTTOM, CHIN]
    heights = face.points[order, 1]
    assert (np.diff(heights) > -0.02 * face.box[3]).all() and heights[0] < heights[1] < heights[2] < heights[
        5
    ]
    assert face.points[RIGHT_IRIS, 0] < face.points[LEFT_IRIS, 0], (
        "the person's right is on the viewer's left"
    )
    left, top, width, height = face.box
    np.testing.assert_allclose([left, top], face.points[:, :2].min(axis=0))
    np.testing.assert_allclose([left + width, top + height], face.points[:, :2].max(axis=0), rtol=1e-5)


def test_the_eyes_lie_where_the_picture_is_dark(mesh: FaceMesh, portrait: Portrait) -> None:
    image = portrait("donna_velata")
    face = only(mesh.find(image))
    grey = image[..., :3].mean(axis=2)
    skin = np.median(grey[tuple(face.points[[50, 280], 1::-1].astype(int).T)])
    for iris in (RIGHT_IRIS, LEFT_IRIS):
        x, y = face.points[iris, :2].round().astype(int)
        assert grey[y - 2 : y + 3, x - 2 : x + 3].mean() < 0.6 * skin


def test_blendshapes_tell_a_closed_mouth_from_an_open_one(mesh: FaceMesh, portrait: Portrait) -> None:
    image = portrait("donna_velata")
    closed = only(mesh.find(image))
    assert closed.blendshapes.shape == (52,) == (len(BLENDSHAPE_NAMES),)
    assert ((closed.blendshapes >= 0) & (closed.blendshapes <= 1)).all()
    jaw = BLENDSHAPE_NAMES.index("jawOpen")
    opened = only(mesh.find(with_open_mouth(image, closed.points)))
    assert opened.blendshapes[jaw] > closed.blendshapes[jaw] + 0.1


@pytest.mark.parametrize("turn", [-40, -15, 20, 45, 170])
def test_landmarks_turn_with_the_picture(turn: float, mesh: FaceMesh, portrait: Portrait) -> None:
    image = portrait("donna_velata")
    matrix = cv2.getRotationMatrix2D((260, 310), turn, 1)
    turned = cv2.warpAffine(image, matrix, (562, 1000), borderMode=cv2.BORDER_REPLICATE)
    before, after = only(mesh.find(image)), only(mesh.find(turned))
    assert apart(after, before.points[:, :2] @ matrix[:, :2].T + matrix[:, 2]) < 0.05


@pytest.mark.parametrize("scale", [0.08, 0.2, 0.5, 2.5])
def test_landmarks_scale_with_the_picture(scale: float, mesh: FaceMesh, portrait: Portrait) -> None:
    image = portrait("donna_velata")
    kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    scaled = cv2.resize(image, None, fx=scale, fy=scale, interpolation=kind)
    before, after = only(mesh.find(image)), only(mesh.find(scaled))
    assert apart(after, (before.points[:, :2] + 0.5) * scale - 0.5) < (0.05 if scale >= 0.2 else 0.1)


def test_a_face_too_small_for_the_detector_is_found_at_the_second_try(
    mesh: FaceMesh, portrait: Portrait
) -> None:
    wide = np.full((1800, 3000, 4), (90, 110, 130, 255), np.uint8)
    small = cv2.resize(portrait("donna_velata"), (281, 500), interpolation=cv2.INTER_AREA)
    wide[1200:1700, 2200:2481] = small
    before, after = only(mesh.find(small)), only(mesh.find(wide))
    assert apart(after, before.points[:, :2] + (2200, 1200)) < 0.02


def test_a_face_that_fills_the_picture_is_found(mesh: FaceMesh, portrait: Portrait) -> None:
    image = portrait("donna_velata")
    before = only(mesh.find(image))
    after = only(mesh.find(np.ascontiguousarray(image[205:420, 165:360])))
    assert apart(after, before.points[:, :2] - (165, 205)) < 0.05


def test_several_faces_come_largest_first(mesh: FaceMesh, portrait: Portrait) -> None:
    image = portrait("donna_velata")
    half = np.zeros_like(image)
    half[:500, :281] = cv2.resize(image, (281, 500), interpolation=cv2.INTER_AREA)
    half[..., 3] = 255
    faces = mesh.find(np.hstack([half, image]))
    assert len(faces) == 2
    assert faces[0].box[0] > 562 > faces[1].box[0]
    assert faces[0].box[2] == pytest.approx(2 * faces[1].box[2], rel=0.1)


def test_what_is_transparent_is_seen_as_mid_grey(mesh: FaceMesh, portrait: Portrait) -> None:
    image = portrait("donna_velata")
    face = only(mesh.find(image))
    mask = np.zeros(image.shape[:2], np.uint8)
    cv2.ellipse(mask, (260, 310), (150, 190), 0, 0, 360, 255, -1)
    cut = image.copy()
    cut[mask == 0] = (255, 0, 255, 0)
    assert apart(only(mesh.find(cut)), face.points[:, :2]) < 0.05
    hidden = image.copy()
    hidden[..., 3] = 0
    assert mesh.find(hidden) == []


@pytest.mark.parametrize("shape", [(1, 1), (1, 2000), (2000, 2), (127, 3), (640, 480)])
def test_pictures_without_a_face_of_any_shape(shape: tuple[int, int], mesh: FaceMesh) -> None:
    assert mesh.find(np.full((*shape, 4), 128, np.uint8)) == []
    assert mesh.find(np.random.default_rng(0).integers(0, 256, (*shape, 4), np.uint8)) == []


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("grain", [8, 24, 80])
def test_clouds_are_no_faces(seed: int, grain: int, mesh: FaceMesh) -> None:
    noise = np.random.default_rng(seed).integers(0, 256, (grain, grain, 4), np.uint8)
    clouds = cv2.resize(noise, (400, 400), interpolation=cv2.INTER_CUBIC)
    clouds[..., 3] = 255
    assert mesh.find(clouds) == []


def test_the_same_picture_gives_the_same_landmarks_in_every_thread(
    mesh: FaceMesh, portrait: Portrait
) -> None:
    image = portrait("lady_agnew")
    expected = only(mesh.find(image)).points
    found: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda: found.append(mesh.find(image)[0].points)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4 and all(np.array_equal(points, expected) for points in found)


def test_the_model_is_found_through_the_settings(face_model: Path, portrait: Portrait) -> None:
    assert FaceMesh().find(portrait("lady_agnew"))


def test_a_missing_model_says_how_to_get_it() -> None:
    with pytest.raises(ModelNotFoundError, match="livekit-avatar models download face-landmarker"):
        FaceMesh()


def test_a_file_that_is_not_the_model_says_how_to_get_it(tmp_path: Path) -> None:
    text, empty, wrong = tmp_path / "a.task", tmp_path / "b.task", tmp_path / "c.task"
    text.write_text("not a model")
    zipfile.ZipFile(empty, "w").close()
    with zipfile.ZipFile(wrong, "w") as archive:
        archive.writestr("face_detector.tflite", b"TFL3 but not really")
    for path in (text, empty, wrong, tmp_path / "none.task"):
        with pytest.raises(ModelCorruptError, match="models download face-landmarker"):
            FaceMesh(path)
