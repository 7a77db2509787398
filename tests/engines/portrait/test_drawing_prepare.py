"""What `prepare_portrait` keeps of a picture, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from livekit_avatar.avatars.bundle import Bundle, Manifest
from livekit_avatar.engines.portrait.contours import Contours
from livekit_avatar.engines.portrait.face import PortraitFace
from livekit_avatar.engines.portrait.pose import SHAPES, Pose
from livekit_avatar.engines.portrait.prepare import ARRAYS, LIDS, PICTURE, prepare_portrait
from livekit_avatar.errors import BundleError, ConfigurationError, PreparationCancelledError
from livekit_avatar.face.mesh import FaceMesh, Landmarks
from livekit_avatar.face.picture import read_picture
from livekit_avatar.types import Image

_found: list[tuple[Image, Landmarks]] = []


@pytest.fixture
def agnew(portraits: Path, face_model: Path) -> tuple[Image, Landmarks]:
    if not _found:
        picture = read_picture(portraits / "lady_agnew.jpg")
        _found.append((picture, FaceMesh().find(picture)[0]))
    return _found[0]


def bundled(members: dict[str, bytes], size: tuple[int, int]) -> Bundle:
    return Bundle(Manifest("portrait", 1, "test", size, 25), members)


@pytest.mark.parametrize(("size", "expected"), [(None, (436, 512)), (1000, (852, 1000)), (301, (256, 300))])
def test_the_whole_picture_is_kept_with_even_sides(
    agnew: tuple[Image, Landmarks], size: int | None, expected: tuple[int, int]
) -> None:
    prepared = prepare_portrait(*agnew, size=size)
    assert prepared.size == expected
    picture = bundled(dict(prepared.members), prepared.size).picture(PICTURE)
    assert picture.shape == (expected[1], expected[0], 4)


def test_landmarks_follow_the_scaling(agnew: tuple[Image, Landmarks]) -> None:
    picture, landmarks = agnew
    prepared = prepare_portrait(picture, landmarks, size=352)
    points = bundled(dict(prepared.members), prepared.size).arrays(ARRAYS)["points"]
    assert points[4, :2] == pytest.approx((landmarks.points[4, :2] + 0.5) / 2 - 0.5, abs=0.5)


def test_a_small_face_is_kept_with_a_warning(agnew: tuple[Image, Landmarks]) -> None:
    assert "small" in prepare_portrait(*agnew).warnings[0]
    assert not prepare_portrait(*agnew, size=1000).warnings


def test_everything_fits_into_four_megabytes(agnew: tuple[Image, Landmarks]) -> None:
    assert sum(map(len, prepare_portrait(*agnew, size=1280).members.values())) < 4 << 20


@pytest.mark.parametrize("size", [63, 1921, 0, -5])
def test_sizes_out_of_range_are_refused(agnew: tuple[Image, Landmarks], size: int) -> None:
    with pytest.raises(ConfigurationError, match="64 to 1920"):
        prepare_portrait(*agnew, size=size)


def test_lids_of_another_size_are_refused(agnew: tuple[Image, Landmarks]) -> None:
    with pytest.raises(ConfigurationError, match="pixel for pixel"):
        prepare_portrait(*agnew, lids=agnew[0][:-2])


def test_closed_eyes_come_from_the_picture_with_closed_eyes(agnew: tuple[Image, Landmarks]) -> None:
    picture, landmarks = agnew
    lids = picture.copy()
    lids[..., :3] = (10, 200, 30)
    prepared = prepare_portrait(picture, landmarks, lids=lids)
    face = PortraitFace.load(bundled(dict(prepared.members), prepared.size))
    shapes = np.zeros(len(SHAPES), np.float32)
    shapes[[SHAPES.index("eyeBlinkLeft"), SHAPES.index("eyeBlinkRight")]] = 1
    points = bundled(dict(prepared.members), prepared.size).arrays(ARRAYS)["points"]
    for iris in (468, 473):
        x, y = np.round(points[iris, :2]).astype(int)
        assert face.draw(Pose(shapes))[y, x, 1] > 180
    assert LIDS in prepared.members


def test_known_contours_win_over_the_mesh(agnew: tuple[Image, Landmarks]) -> None:
    picture, landmarks = agnew
    corners = landmarks.points[[61, 291], :2]
    line = np.linspace(corners[0], corners[1], 7, dtype=np.float32) + np.float32([0, 2])
    prepared = prepare_portrait(picture, landmarks, size=704, contours=Contours(lip_line=line))
    lips = bundled(dict(prepared.members), prepared.size).arrays(ARRAYS)["lips"]
    assert np.array_equal(lips[0], lips[1])
    expected = np.interp(lips[0, :, 0], line[:, 0], line[:, 1])
    assert lips[0, :, 1] == pytest.approx(expected, abs=0.6)


def test_progress_rises_to_one(agnew: tuple[Image, Landmarks]) -> None:
    told: list[float] = []
    prepare_portrait(*agnew, progress=lambda done, stage: told.append(done))
    assert told == sorted(told)
    assert told[-1] == 1.0


def test_it_can_be_cancelled(agnew: tuple[Image, Landmarks]) -> None:
    with pytest.raises(PreparationCancelledError):
        prepare_portrait(*agnew, cancel=lambda: True)


def test_a_bundle_without_its_picture_is_refused(agnew: tuple[Image, Landmarks]) -> None:
    prepared = prepare_portrait(*agnew)
    members = {name: data for name, data in prepared.members.items() if name != PICTURE}
    with pytest.raises(BundleError):
        PortraitFace.load(bundled(members, prepared.size))
