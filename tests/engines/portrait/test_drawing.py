"""What a drawn face does: judged by its pixels and by tracking its landmarks again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from livekit_avatar.avatars.bundle import Bundle, Manifest
from livekit_avatar.engines.base import Prepared
from livekit_avatar.engines.portrait.face import PortraitFace
from livekit_avatar.engines.portrait.pose import SHAPES, Pose
from livekit_avatar.engines.portrait.prepare import ARRAYS, PICTURE, prepare_portrait
from livekit_avatar.face.mesh import FaceMesh
from livekit_avatar.face.picture import read_picture
from livekit_avatar.lipsync.visemes import VISEME_SHAPES
from livekit_avatar.types import VISEMES, Image

PAINTINGS = ("donna_velata", "lady_agnew", "mona_lisa", "pearl_earring")
VISEME_NAMES = ("aa", "oh", "ou", "PP", "FF", "TH", "E")
LOWER_FACE, EYES = [2, 61, 291, 152, 172, 397], [33, 133, 159, 145, 263, 362, 386, 374]
_known: dict[str, tuple[Bundle, PortraitFace]] = {}
_meshes: list[FaceMesh] = []


@pytest.fixture
def mesh(face_model: Path) -> FaceMesh:
    if not _meshes:
        _meshes.append(FaceMesh())
    return _meshes[0]


@pytest.fixture
def portrait(portraits: Path, mesh: FaceMesh) -> Callable[[str], tuple[Bundle, PortraitFace]]:
    """`portrait("mona_lisa")`: the painting as an avatar of 640 pixels, and the face loaded from it."""

    def make(name: str) -> tuple[Bundle, PortraitFace]:
        if name not in _known:
            picture = read_picture(portraits / f"{name}.jpg")
            bundle = bundled(prepare_portrait(picture, mesh.find(picture)[0], size=640))
            _known[name] = bundle, PortraitFace.load(bundle)
        return _known[name]

    return make


@pytest.fixture
def donna(portrait: Callable[[str], tuple[Bundle, PortraitFace]]) -> PortraitFace:
    return portrait("donna_velata")[1]


@pytest.fixture
def points(portrait: Callable[[str], tuple[Bundle, PortraitFace]]) -> np.ndarray:
    return portrait("donna_velata")[0].arrays(ARRAYS)["points"]


def bundled(prepared: Prepared) -> Bundle:
    return Bundle(Manifest("portrait", 1, "test", prepared.size, 25), prepared.members)


def posed(**shapes: float) -> Pose:
    """A pose by ARKit names; `eyeBlink=1` means both sides."""
    values = np.zeros(len(SHAPES), np.float32)
    for name, value in shapes.items():
        for full in (name, name + "Left", name + "Right"):
            if full in SHAPES:
                values[SHAPES.index(full)] = value
    return Pose(values)


def viseme(name: str) -> Pose:
    values = np.zeros(len(SHAPES), np.float32)
    values[: VISEME_SHAPES.shape[1]] = VISEME_SHAPES[VISEMES.index(name)]
    return Pose(values)


def moved(**movements: float) -> Pose:
    return Pose(np.zeros(len(SHAPES), np.float32), **movements)


def crop(image: Image, points: np.ndarray, margin: float = 0.5) -> Image:
    """The pixels around some landmarks."""
    unit = float(np.ptp(points[:, 0])) * margin
    left, top = np.maximum(points[:, :2].min(axis=0) - unit, 0).astype(int)
    right, bottom = (points[:, :2].max(axis=0) + unit).astype(int)
    return np.ascontiguousarray(image[top:bottom, left:right])


def difference(a: Image, b: Image) -> np.ndarray:
    return np.abs(a.astype(np.int16) - b).max(axis=2)


@pytest.mark.parametrize("name", VISEME_NAMES)
def test_visemes_look_as_they_did(
    donna: PortraitFace, points: np.ndarray, golden: Callable[[str, Image], None], name: str
) -> None:
    golden(f"donna_{name}", crop(donna.draw(viseme(name)), points[LOWER_FACE], 0.05))


def test_closed_eyes_look_as_they_did(
    donna: PortraitFace, points: np.ndarray, golden: Callable[[str, Image], None]
) -> None:
    golden("donna_blink", crop(donna.draw(posed(eyeBlink=1)), points[EYES], 0.2))


@pytest.mark.parametrize("name", ["donna_velata", "lady_agnew", "mona_lisa"])
def test_a_face_at_rest_is_its_picture(
    portrait: Callable[[str], tuple[Bundle, PortraitFace]], name: str
) -> None:
    bundle, face = portrait(name)
    assert difference(face.draw(moved()), bundle.picture(PICTURE)).max() == 0


def test_a_mouth_open_in_the_picture_is_closed_at_rest(
    portrait: Callable[[str], tuple[Bundle, PortraitFace]], mesh: FaceMesh
) -> None:
    bundle, face = portrait("pearl_earring")
    assert aperture(mesh, face.draw(moved())) < 0.5 * aperture(mesh, bundle.picture(PICTURE))


@pytest.mark.parametrize("name", PAINTINGS)
def test_the_mouth_opens_further_the_further_the_jaw_drops(
    portrait: Callable[[str], tuple[Bundle, PortraitFace]], mesh: FaceMesh, name: str
) -> None:
    _, face = portrait(name)
    apertures = [aperture(mesh, face.draw(posed(jawOpen=jaw))) for jaw in (0.0, 0.2, 0.4, 0.6)]
    assert np.all(np.diff(apertures) > 0.005), apertures


def test_lips_come_together_for_a_rounded_vowel(donna: PortraitFace, mesh: FaceMesh) -> None:
    assert width(mesh, donna.draw(viseme("ou"))) < 0.9 * width(mesh, donna.draw(moved()))


def test_a_smile_is_wider_than_rest(donna: PortraitFace, mesh: FaceMesh) -> None:
    assert width(mesh, donna.draw(posed(mouthSmile=0.8))) > 1.05 * width(mesh, donna.draw(moved()))


@pytest.mark.parametrize("name", ["donna_velata", "lady_agnew", "mona_lisa"])
def test_pressed_lips_leave_no_dark_gap(
    portrait: Callable[[str], tuple[Bundle, PortraitFace]], name: str
) -> None:
    bundle, face = portrait(name)
    mouth = bundle.arrays(ARRAYS)["lips"].reshape(-1, 2)
    rest, pressed = (crop(face.draw(pose), mouth, 0.1)[..., :3].min() for pose in (moved(), viseme("PP")))
    assert pressed >= int(rest) - 12


@pytest.mark.parametrize("name", PAINTINGS)
def test_closed_eyes_hide_the_iris(portrait: Callable[[str], tuple[Bundle, PortraitFace]], name: str) -> None:
    bundle, face = portrait(name)
    for iris in (468, 473):
        x, y = np.round(bundle.arrays(ARRAYS)["points"][iris, :2]).astype(int)
        spot = slice(y - 1, y + 2), slice(x - 1, x + 2)
        dark, lid = (face.draw(pose)[spot][..., :3].mean() for pose in (moved(), posed(eyeBlink=1)))
        assert lid > dark + 15


def test_a_lid_comes_down_steadily(donna: PortraitFace, points: np.ndarray) -> None:
    eyes = points[EYES]
    frames = [crop(donna.draw(posed(eyeBlink=closure)), eyes, 0.1) for closure in np.linspace(0, 1, 9)]
    far = [difference(frames[0], frame).astype(float).mean() for frame in frames]
    assert np.all(np.diff(far) > 0)


def test_one_eye_can_wink(donna: PortraitFace, points: np.ndarray) -> None:
    rest, wink = donna.draw(moved()), donna.draw(posed(eyeBlinkLeft=1))
    right, left = ([33, 133, 159, 145], [263, 362, 386, 374])
    assert difference(crop(rest, points[left], 0), crop(wink, points[left], 0)).max() > 40
    assert difference(crop(rest, points[right], 0), crop(wink, points[right], 0)).max() == 0


def test_the_gaze_moves_the_iris_and_nothing_but_the_eyes(donna: PortraitFace, points: np.ndarray) -> None:
    rest, aside = donna.draw(moved()), donna.draw(moved(gaze_x=-1.0))
    changed = np.argwhere(difference(rest, aside) > 8)
    assert len(changed) > 20
    eyes = points[EYES][:, 1::-1]
    assert np.all(changed >= eyes.min(axis=0) - 4)
    assert np.all(changed <= eyes.max(axis=0) + 4)


@pytest.mark.parametrize(
    ("movement", "axis"), [({"yaw": 0.1}, 0), ({"pitch": 0.1}, 1), ({"x": 0.1}, 0), ({"y": 0.1}, 1)]
)
def test_the_head_turns_and_the_frame_stays(
    donna: PortraitFace, mesh: FaceMesh, movement: dict[str, float], axis: int
) -> None:
    rest, turned = donna.draw(moved()), donna.draw(moved(**movement))
    nose = [mesh.find(image)[0].points[4, axis] for image in (rest, turned)]
    assert nose[1] > nose[0] + 2
    border = difference(rest, turned)
    assert max(border[0].max(), border[-1].max(), border[:, 0].max(), border[:, -1].max()) == 0


def test_leaning_clockwise_lowers_the_eye_on_the_viewers_right(donna: PortraitFace, mesh: FaceMesh) -> None:
    eyes = [mesh.find(donna.draw(pose))[0].points[[468, 473], 1] for pose in (moved(), moved(roll=0.1))]
    assert np.diff(eyes[1]) > np.diff(eyes[0]) + 2


def test_breath_lifts_the_chest_and_leaves_the_face(donna: PortraitFace, points: np.ndarray) -> None:
    out, breathed = donna.draw(moved()), donna.draw(moved(breath=1.0))
    changed = np.argwhere(difference(out, breathed) > 8)
    assert len(changed) > 100
    assert changed[:, 0].min() > points[152, 1]


def test_the_same_pose_gives_the_same_bytes_whatever_came_before(donna: PortraitFace) -> None:
    pose = Pose(viseme("oh").shapes, yaw=0.03, roll=-0.02, gaze_x=0.4, breath=0.3)
    first = donna.draw(pose)
    for other in (viseme("aa"), posed(eyeBlink=0.7), moved(pitch=0.1)):
        donna.draw(other)
    assert np.array_equal(donna.draw(pose), first)


def test_a_frame_belongs_to_its_receiver(donna: PortraitFace) -> None:
    frame = donna.draw(moved())
    assert frame.flags.c_contiguous
    assert frame.flags.writeable
    frame[:] = 0
    assert donna.draw(moved()).any()


def test_what_is_transparent_stays_transparent(portraits: Path, mesh: FaceMesh) -> None:
    picture = read_picture(portraits / "donna_velata.jpg")
    landmarks = mesh.find(picture)[0]
    person = np.zeros(picture.shape[:2], np.uint8)
    cv2.fillConvexPoly(person, cv2.convexHull(landmarks.points[:468, :2].astype(np.int32)), 255)
    person = cv2.dilate(person, np.ones((41, 41), np.uint8))
    picture[..., 3] = person
    picture[person == 0, :3] = (0, 255, 0)
    face = PortraitFace.load(bundled(prepare_portrait(picture, landmarks)))
    frame = face.draw(Pose(viseme("aa").shapes, yaw=0.05, gaze_x=0.5))
    assert frame[0, :, 3].max() == frame[-1, :, 3].max() == 0
    assert frame[..., 3].max() == 255
    seen = frame[frame[..., 3] > 0][:, :3].astype(int)
    assert np.all(seen[:, 1] - seen[:, 0] < 60), "the colour under transparent pixels shows at the edge"


def aperture(mesh: FaceMesh, image: Image) -> float:
    """Height of the opening between the lips, in inter-ocular distances, as the face mesh sees it."""
    p = mesh.find(image)[0].points
    gaps = [np.linalg.norm(p[a, :2] - p[b, :2]) for a, b in ((13, 14), (82, 87), (312, 317))]
    return float(np.mean(gaps) / np.linalg.norm(p[468] - p[473]))


def width(mesh: FaceMesh, image: Image) -> float:
    """Distance of the corners of the mouth, in inter-ocular distances, as the face mesh sees it."""
    p = mesh.find(image)[0].points
    return float(np.linalg.norm(p[61] - p[291]) / np.linalg.norm(p[468] - p[473]))
