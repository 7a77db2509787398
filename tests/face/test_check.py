"""A picture that cannot be animated is refused with its reason; one that will look poor is warned of."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from retouch import with_open_mouth

from livekit_avatar.errors import (
    FaceTooSmallError,
    FaceTurnedError,
    NoFaceError,
    PictureError,
    SeveralFacesError,
)
from livekit_avatar.face import check
from livekit_avatar.face.check import check_face, head_pose
from livekit_avatar.face.mesh import BLENDSHAPE_NAMES, FaceMesh
from livekit_avatar.types import Floats, Image

Portrait = Callable[[str], Image]


def refused(image: Image, mesh: FaceMesh, kind: type[PictureError], match: str) -> None:
    with pytest.raises(kind, match=match) as caught:
        check_face(np.ascontiguousarray(image), mesh)
    assert "\n" not in str(caught.value)
    assert caught.value.fix.endswith(".")


@pytest.mark.parametrize("name", ["donna_velata", "lady_agnew", "mona_lisa", "pearl_earring"])
def test_every_portrait_passes(name: str, mesh: FaceMesh, portrait: Portrait) -> None:
    image = portrait(name)
    face = check_face(image, mesh)
    assert face.size == (image.shape[1], image.shape[0])
    assert face.box == face.landmarks.box
    assert all("\n" not in warning and warning.endswith(".") for warning in face.warnings)


def test_a_good_picture_is_not_warned_of(mesh: FaceMesh, portrait: Portrait) -> None:
    assert check_face(portrait("donna_velata"), mesh).warnings == ()


def test_how_the_heads_of_the_portraits_are_turned(mesh: FaceMesh, portrait: Portrait) -> None:
    frontal = check_face(portrait("lady_agnew"), mesh).pose
    slight = check_face(portrait("mona_lisa"), mesh).pose
    strong = check_face(portrait("pearl_earring"), mesh).pose
    assert abs(frontal.yaw) < 6
    assert -28 < slight.yaw < -10, "to the viewer's left"
    assert -50 < strong.yaw < -28
    assert strong.roll > 5


def test_what_will_look_poor_is_warned_of(mesh: FaceMesh, portrait: Portrait) -> None:
    donna = portrait("donna_velata")
    cases = {
        "head is turned": portrait("pearl_earring"),
        "will look soft": cv2.resize(donna, (281, 500), interpolation=cv2.INTER_AREA),
        "Leave more around it": donna[150:470, 100:420],
        "cut by the picture's edge": donna[:, 175:],
        "Only the largest of 2 faces": _beside(donna, 0.55),
        "leaning": cv2.warpAffine(donna, cv2.getRotationMatrix2D((260, 310), -35, 1), (562, 1000)),
    }
    for words, image in cases.items():
        warnings = check_face(np.ascontiguousarray(image), mesh).warnings
        assert any(words in warning for warning in warnings), f"{words}: {warnings}"


def test_an_open_mouth_is_warned_of(mesh: FaceMesh, portrait: Portrait) -> None:
    image = portrait("donna_velata")
    opened = with_open_mouth(image, mesh.find(image)[0].points)
    assert any("mouth is open" in warning for warning in check_face(opened, mesh).warnings)


def test_closed_eyes_are_warned_of(
    mesh: FaceMesh, portrait: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = portrait("donna_velata")
    face = mesh.find(image)[0]
    for side in ("Left", "Right"):
        face.blendshapes[BLENDSHAPE_NAMES.index(f"eyeBlink{side}")] = 0.7
    monkeypatch.setattr(FaceMesh, "find", lambda *_: [face])
    assert any("eyes are closed" in warning for warning in check_face(image, mesh).warnings)


def test_no_face(mesh: FaceMesh) -> None:
    gradient = np.dstack([np.tile(np.arange(256, dtype=np.uint8), (256, 1))] * 4)
    refused(gradient, mesh, NoFaceError, "one person who looks at the camera")


def test_two_faces_of_one_size(mesh: FaceMesh, portrait: Portrait) -> None:
    donna = portrait("donna_velata")
    refused(np.hstack([donna, donna]), mesh, SeveralFacesError, "2 faces.*Crop it")


def test_a_tiny_face(mesh: FaceMesh, portrait: Portrait) -> None:
    tiny = cv2.resize(portrait("donna_velata"), (84, 150), interpolation=cv2.INTER_AREA)
    refused(tiny, mesh, FaceTooSmallError, r"\d+ pixels high.*larger or closer")


@pytest.mark.parametrize("quarters", [1, 2, 3])
def test_a_picture_that_lies_on_its_side_or_head(quarters: int, mesh: FaceMesh, portrait: Portrait) -> None:
    refused(
        np.rot90(portrait("donna_velata"), quarters), mesh, FaceTurnedError, "not upright.*Rotate the picture"
    )


def test_a_face_without_a_mouth(mesh: FaceMesh, portrait: Portrait) -> None:
    refused(portrait("donna_velata")[:340], mesh, NoFaceError, "mouth lies outside")


def test_a_head_that_is_turned_too_far(
    mesh: FaceMesh, portrait: Portrait, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check, "MOST_TURN", (30.0, 40.0, 60.0))
    refused(portrait("pearl_earring"), mesh, FaceTurnedError, "34 degrees sideways.*towards the camera")


@pytest.mark.parametrize("yaw", [-60, -20, 0, 35])
@pytest.mark.parametrize("pitch", [-30, 0, 20])
@pytest.mark.parametrize("roll", [-170, -45, 0, 30])
def test_the_pose_of_a_turned_canonical_head_is_read_back(yaw: float, pitch: float, roll: float) -> None:
    pose = head_pose(_turned_head(yaw, pitch, roll))
    np.testing.assert_allclose([pose.yaw, pose.pitch, pose.roll], [yaw, pitch, roll], atol=0.01)


def test_degenerate_landmarks_have_a_pose_too() -> None:
    for points in (np.zeros((478, 3), np.float32), np.full((478, 3), 7, np.float32)):
        pose = head_pose(points)
        assert np.isfinite([pose.yaw, pose.pitch, pose.roll]).all()


def _beside(image: Image, scale: float) -> Image:
    small = np.zeros_like(image)
    shrunk = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    small[: shrunk.shape[0], : shrunk.shape[1]] = shrunk
    small[..., 3] = 255
    return np.hstack([small, image])


def _turned_head(yaw: float, pitch: float, roll: float) -> Floats:
    """The canonical head, turned as an animator would: nod, then turn to the viewer's right, then lean."""
    y, p, r = np.radians([-yaw, pitch, roll])
    nod = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    turn = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    lean = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    points = np.zeros((478, 3), np.float32)
    for index, place in check._CANONICAL.items():
        points[index] = 20 * lean @ turn @ nod @ (np.array(place) * (1, -1, -1)) + (300, 200, 0)
    return points
