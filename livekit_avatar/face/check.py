"""Whether a picture will do: what cannot be animated is refused, what will look poor is warned of.

Every refusal and every warning says what to do about it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from livekit_avatar.errors import FaceTooSmallError, FaceTurnedError, NoFaceError, SeveralFacesError
from livekit_avatar.face.mesh import BLENDSHAPE_NAMES, FaceMesh, Landmarks
from livekit_avatar.types import Floats, Image

SMALLEST_FACE: Final = 48
"""Pixels from forehead to chin below which a face is refused."""

SMALLEST_PICTURE: Final = 512
"""Pixels of the shorter side below which a picture is warned of."""

LARGEST_SHARE: Final = 0.5
"""Share of the picture's width or height, the larger of the two, above which a face has no room to move."""

DOMINANT: Final = 0.6
"""The second face may have this share of the largest one's size, and no more."""

MOST_TURN: Final = (50.0, 40.0, 60.0)
"""Yaw, pitch and roll, in degrees, beyond which a face is refused: one side is hidden and only guessed at."""

MUCH_TURN: Final = (25.0, 20.0, 20.0)
"""Yaw, pitch and roll, in degrees, beyond which a face is warned of."""

OPEN_MOUTH: Final = 0.08
"""Gap between the lips, in inter-ocular distances, beyond which a mouth is warned of."""

CLOSED_EYES: Final = 0.5
"""Mean of the two eyeBlink coefficients beyond which eyes are warned of."""

_CANONICAL: Final = {
    33: (-4.45, 2.66, 3.17),
    133: (-1.86, 2.59, 3.76),
    362: (1.86, 2.59, 3.76),
    263: (4.45, 2.66, 3.17),
    6: (0.0, 2.47, 5.79),
    168: (0.0, 3.27, 5.24),
    4: (0.0, -0.46, 7.59),
    10: (0.0, 8.26, 4.48),
    234: (-7.66, 0.67, -2.44),
    454: (7.66, 0.67, -2.44),
    127: (-7.74, 2.36, -2.01),
    356: (7.74, 2.36, -2.01),
}
"""Landmarks that no expression moves (eye corners, nose, forehead, temples) on MediaPipe's canonical face, in
centimetres; x to the viewer's right, y up, z to the viewer (canonical_face_model.obj)."""

_INNER_LIPS: Final = ((81, 178), (13, 14), (311, 402))
_IRISES: Final = (468, 473)


@dataclass(frozen=True, slots=True)
class HeadPose:
    """How a head is turned, in degrees; 0 looks straight at the viewer.

    Attributes:
        yaw: positive turns to the viewer's right.
        pitch: positive nods down.
        roll: positive leans clockwise for the viewer.
    """

    yaw: float
    pitch: float
    roll: float


@dataclass(frozen=True, slots=True, eq=False)
class FaceCheck:
    """A face that can be animated.

    Attributes:
        landmarks: of the face.
        box: left, top, width, height of the face in pixels.
        size: width, height of the picture in pixels.
        pose: how the head is turned.
        warnings: what will look worse than it could, each with what to do about it, a sentence or two.
    """

    landmarks: Landmarks
    box: tuple[float, float, float, float]
    size: tuple[int, int]
    pose: HeadPose
    warnings: tuple[str, ...]


def check_face(image: Image, mesh: FaceMesh) -> FaceCheck:
    """Find the one face of a picture and judge it.

    Args:
        image: (H, W, 4) uint8 RGBA, straight alpha, upright.
        mesh: the face networks.

    Raises:
        NoFaceError: there is no face, or its mouth lies outside the picture.
        SeveralFacesError: there are several, and none is clearly the largest.
        FaceTooSmallError: it has too few pixels.
        FaceTurnedError: it is turned too far away, or is not upright.
    """
    size = (image.shape[1], image.shape[0])
    faces = mesh.find(image)
    face = _dominant(faces)
    pose = head_pose(face.points)
    _refuse(face, pose, size)
    return FaceCheck(face, face.box, size, pose, tuple(_warnings(face, pose, size, len(faces) - 1)))


def head_pose(points: Floats) -> HeadPose:
    """How a head is turned: the rotation that best takes the canonical face to the landmarks.

    Args:
        points: (478, 3) float32 landmarks as `Landmarks.points`.
    """
    rest = np.array(list(_CANONICAL.values())) * (1, -1, -1)  # into the picture's directions
    seen = points[list(_CANONICAL)].astype(np.float64)
    # Kabsch's algorithm (Acta Crystallographica A32, 1976); scale does not matter for the rotation.
    u, _, vt = np.linalg.svd((rest - rest.mean(axis=0)).T @ (seen - seen.mean(axis=0)))
    mirror = np.array([1, 1, np.sign(np.linalg.det(vt.T @ u.T))])
    r = (vt.T * mirror) @ u.T
    # r = Rz(roll) Ry(-yaw) Rx(pitch)
    yaw = np.arctan2(r[2, 0], np.hypot(r[0, 0], r[1, 0]))
    pitch = np.arctan2(r[2, 1], r[2, 2])
    roll = np.arctan2(r[1, 0], r[0, 0])
    return HeadPose(*(float(angle) for angle in np.degrees([yaw, pitch, roll])))


def _dominant(faces: list[Landmarks]) -> Landmarks:
    if not faces:
        raise NoFaceError(
            "No face was found in the picture",
            fix="Use an upright picture of one person who looks at the camera, eyes and mouth in view, "
            "large enough to fill a tenth of it.",
        )
    rivals = sum(_extent(face) > DOMINANT * _extent(faces[0]) for face in faces)
    if rivals > 1:
        raise SeveralFacesError(
            f"The picture shows {rivals} faces of about the same size",
            fix="Crop it to the one that shall speak.",
        )
    return faces[0]


def _refuse(face: Landmarks, pose: HeadPose, size: tuple[int, int]) -> None:
    if face.box[3] < SMALLEST_FACE:
        raise FaceTooSmallError(
            f"The face is {face.box[3]:.0f} pixels high",
            fix=f"Use a larger or closer picture: from forehead to chin {SMALLEST_FACE} are needed and 250 "
            "look sharp.",
        )
    if abs(pose.yaw) > MOST_TURN[0] or abs(pose.pitch) > MOST_TURN[1]:
        raise FaceTurnedError(
            f"The face is turned too far away ({_degrees(pose)})",
            fix="Use a picture in which the person looks towards the camera.",
        )
    if abs(pose.roll) > MOST_TURN[2]:
        raise FaceTurnedError(
            f"The face is not upright ({_degrees(pose)})",
            fix="Rotate the picture until the face is upright.",
        )
    lips = [index for pair in _INNER_LIPS for index in pair]
    x, y = face.points[lips, :2].mean(axis=0)
    if not (0 <= x < size[0] and 0 <= y < size[1]):
        raise NoFaceError(
            "The mouth lies outside the picture", fix="Use a picture that shows the whole face."
        )


def _warnings(face: Landmarks, pose: HeadPose, size: tuple[int, int], others: int) -> Iterator[str]:
    if min(size) < SMALLEST_PICTURE:
        yield (
            f"The picture is only {size[0]}x{size[1]} pixels and will look soft. "
            f"Use one of at least {SMALLEST_PICTURE} pixels a side."
        )
    share = _share(face, size)
    if share > LARGEST_SHARE:
        yield f"The face takes {share:.0%} of the picture, too close for it to move. Leave more around it."
    if _cut(face, size):
        yield "The face is cut by the picture's edge. Use a picture that shows the whole head."
    if abs(pose.yaw) > MUCH_TURN[0] or abs(pose.pitch) > MUCH_TURN[1] or abs(pose.roll) > MUCH_TURN[2]:
        yield (
            f"The head is turned ({_degrees(pose)}), so the mouth will look less natural. "
            "Use a picture that faces the camera."
        )
    if _lip_gap(face.points) > OPEN_MOUTH:
        yield "The mouth is open, so it may not close fully on m, b and p. Use a picture with closed lips."
    if _blink(face.blendshapes) > CLOSED_EYES:
        yield "The eyes are closed and will stay closed. Use a picture with open eyes."
    if others:
        yield f"Only the largest of {others + 1} faces will move. Crop the picture to it."


def _degrees(pose: HeadPose) -> str:
    yaw, pitch, roll = (round(abs(angle)) for angle in (pose.yaw, pose.pitch, pose.roll))
    return f"{yaw} degrees sideways, {pitch} up or down, {roll} leaning"


def _extent(face: Landmarks) -> float:
    """Side of the square of the box's area, in pixels."""
    return float(np.sqrt(face.box[2] * face.box[3]))


def _share(face: Landmarks, size: tuple[int, int]) -> float:
    return max(face.box[2] / size[0], face.box[3] / size[1])


def _cut(face: Landmarks, size: tuple[int, int]) -> bool:
    """Whether landmarks lie outside the picture (two pixels are forgiven)."""
    left, top, width, height = face.box
    return min(left, top) < -2 or left + width > size[0] + 2 or top + height > size[1] + 2


def _lip_gap(points: Floats) -> float:
    """Mean gap between the inner lips, in inter-ocular distances."""
    upper, lower = np.transpose(_INNER_LIPS)
    eyes = np.linalg.norm(points[_IRISES[0], :2] - points[_IRISES[1], :2])
    gap = np.linalg.norm(points[upper, :2] - points[lower, :2], axis=1).mean()
    return float(gap / max(float(eyes), 1e-6))


def _blink(blendshapes: Floats) -> float:
    indices = [BLENDSHAPE_NAMES.index(f"eyeBlink{side}") for side in ("Left", "Right")]
    return float(blendshapes[indices].mean())
