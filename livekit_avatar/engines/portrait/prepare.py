"""Makes a portrait's data from a picture and its landmarks: what a bundle holds.

Members: `picture.png`, the picture at the size of the video; `lids.png`, the same with closed eyes, if there
is one; `portrait.safetensors` with float32 arrays:

    points (478, 3)     landmarks in pixels of the picture, lips settled
    eyes (2, 2, 17, 2)  right and left eye, upper and lower lid, from the inner corner
    lips (2, 21, 2)     inner contours of the upper and the lower lip, from the viewer's left
    smile (2,)          how much the right and the left corner of the mouth smile, 0..1

Everything else is computed when the face is loaded, so that better drawing reaches avatars made before.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import cv2
import numpy as np

from livekit_avatar.avatars.bundle import encode_arrays, encode_picture
from livekit_avatar.engines.base import Cancel, Prepared, Progress
from livekit_avatar.engines.portrait import topology as mesh
from livekit_avatar.engines.portrait.contours import LIP_POINTS, Contours, eye_contours, settle_lips
from livekit_avatar.engines.portrait.curves import Reals, resample
from livekit_avatar.engines.portrait.head import Head
from livekit_avatar.errors import BundleError, ConfigurationError, PreparationCancelledError
from livekit_avatar.types import Floats, Image

if TYPE_CHECKING:
    from livekit_avatar.avatars.bundle import Bundle
    from livekit_avatar.face.mesh import Landmarks

PICTURE: Final = "picture.png"
LIDS: Final = "lids.png"
ARRAYS: Final = "portrait.safetensors"

_AGAIN: Final = "Make it again from its picture."
_SHAPES: Final = {"points": (478, 3), "eyes": (2, 2, 17, 2), "lips": (2, 21, 2), "smile": (2,)}

DEFAULT_SIZE, SMALLEST_SIZE, LARGEST_SIZE = 512, 64, 1920
"""Pixels on the longer side of the video."""

_SMALL_FACE = 40
"""Eyes fewer pixels apart than this show little of what the mouth does."""

_SMILE_RIGHT, _SMILE_LEFT = 45, 44
"""mouthSmileRight and mouthSmileLeft among the blendshapes that the face mesh finds."""


@dataclass(frozen=True, slots=True)
class _Scale:
    """From the source picture to the video: target size and factors."""

    size: tuple[int, int]
    x: float
    y: float

    def points(self, points: Reals) -> Reals:
        """Landmarks or contours, (..., 2 or 3) pixels; centres of pixels are whole numbers."""
        scaled: Reals = points.copy()
        scaled[..., 0] = (points[..., 0] + 0.5) * self.x - 0.5
        scaled[..., 1] = (points[..., 1] + 0.5) * self.y - 0.5
        scaled[..., 2:] *= (self.x + self.y) / 2
        return scaled


def prepare_portrait(
    image: Image,
    landmarks: Landmarks,
    *,
    size: int | None = None,
    lids: Image | None = None,
    contours: Contours | None = None,
    progress: Progress | None = None,
    cancel: Cancel | None = None,
) -> Prepared:
    """Make an avatar's data from a picture of a face. The whole picture is kept.

    Args:
        image: (H, W, 4) uint8 RGBA, straight alpha.
        landmarks: of its face, in its pixels.
        size: pixels on the longer side of the video, 64..1920; 512 by default.
        lids: the same picture with the eyes closed, aligned pixel for pixel.
        contours: true outlines of eyes and lips where they are known.
        progress: told the fraction done and the stage.
        cancel: asked between stages.

    Raises:
        ConfigurationError: `size` or the shape of `lids` cannot be used.
        PreparationCancelledError: `cancel` said so.
    """
    longer = DEFAULT_SIZE if size is None else size
    _check(image, longer, lids)
    tell, known = _teller(progress, cancel), contours or Contours()
    tell(0.0, "lips")
    points = settle_lips(image, np.asarray(landmarks.points, np.float64), known)
    tell(0.4, "scaling")
    scale = _scale(image, longer)
    arrays = {
        "points": scale.points(points),
        "eyes": scale.points(eye_contours(points, known)),
        "lips": scale.points(_inner_lips(points)),
        "smile": np.asarray(landmarks.blendshapes, np.float64)[[_SMILE_RIGHT, _SMILE_LEFT]],
    }
    members = {
        ARRAYS: encode_arrays({name: value.astype(np.float32) for name, value in arrays.items()}),
        PICTURE: encode_picture(_resized(image, scale.size)),
    }
    if lids is not None:
        members[LIDS] = encode_picture(_resized(lids, scale.size))
    tell(1.0, "done")
    return Prepared(members, scale.size, _warnings(arrays["points"], longer))


def check_portrait(bundle: Bundle) -> None:
    """Check that a bundle, which a stranger may have made, holds a portrait that can be loaded.

    Raises:
        BundleError: a member is missing or not as `prepare_portrait` writes it.
    """
    size = bundle.picture_size(PICTURE)
    lids = bundle.picture_size(LIDS) if LIDS in bundle.members else size
    if max(*size, *bundle.manifest.size) > LARGEST_SIZE or lids != size:
        raise BundleError(f"{bundle.label} has pictures of sizes that no portrait has", fix=_AGAIN)
    arrays = bundle.arrays(ARRAYS, _SHAPES)
    if not (_in_reach(arrays, size) and _like_a_face(arrays)):
        raise BundleError(f"{bundle.label} has landmarks that are not those of a face in it", fix=_AGAIN)


def _in_reach(arrays: dict[str, Floats], size: tuple[int, int]) -> bool:
    """Whether what the arrays name lies in a picture of (width, height), or not far from it."""
    places = np.concatenate([arrays[name][..., :2].reshape(-1, 2) for name in ("points", "eyes", "lips")])
    inside = (np.abs(places - np.array(size) / 2) <= 1.5 * np.array(size)).all()
    flat = np.abs(arrays["points"][:, 2]).max() <= 2 * max(size)
    return bool(inside and flat and arrays["smile"].min() >= 0 and arrays["smile"].max() <= 1)


def _like_a_face(arrays: dict[str, Floats]) -> bool:
    """Whether the landmarks are where a head has them: all near, the eyes over the mouth, left and right."""
    points = np.asarray(arrays["points"], np.float64)
    if np.linalg.norm(points[mesh.LEFT_IRIS[0]] - points[mesh.RIGHT_IRIS[0]]) < 2:
        return False
    with np.errstate(all="ignore"):
        head = Head.of(points)
        at = head.canonical(points)
        lips, eyes = head.plane(arrays["lips"]), head.plane(arrays["eyes"])
    right, left = at[mesh.RIGHT_IRIS[0]], at[mesh.LEFT_IRIS[0]]
    upright = right[0] < 0 < left[0] and max(right[1], left[1]) < 0 < at[mesh.CHIN, 1]
    near = np.abs(at).max() < 4 and np.abs(lips).max() < 1.5 and np.abs(eyes).max() < 3
    return bool(upright and near)


def resized(
    picture: Image, arrays: dict[str, Floats], lids: Image | None, size: tuple[int, int]
) -> tuple[Image, dict[str, Floats], Image | None]:
    """A prepared portrait at another size of video, (width, height): its picture, arrays and closed eyes."""
    height, width = picture.shape[:2]
    if (width, height) == size:
        return picture, arrays, lids
    scale = _Scale(size, size[0] / width, size[1] / height)
    scaled = {
        name: value if name == "smile" else scale.points(np.asarray(value, np.float64)).astype(np.float32)
        for name, value in arrays.items()
    }
    return _resized(picture, size), scaled, None if lids is None else _resized(lids, size)


def size_of(picture: Image, longer: int) -> tuple[int, int]:
    """(width, height) of the video of a picture, both even, for a length of the longer side."""
    return _scale(picture, longer).size


def _check(image: Image, size: int, lids: Image | None) -> None:
    if not SMALLEST_SIZE <= size <= LARGEST_SIZE:
        raise ConfigurationError(
            f"A portrait cannot be {size} pixels", fix=f"Choose a size of {SMALLEST_SIZE} to {LARGEST_SIZE}."
        )
    if lids is not None and lids.shape != image.shape:
        raise ConfigurationError(
            f"The picture with closed eyes is {lids.shape[1]}x{lids.shape[0]}, the picture itself "
            f"{image.shape[1]}x{image.shape[0]}",
            fix="Give two pictures that match pixel for pixel.",
        )


def _teller(progress: Progress | None, cancel: Cancel | None) -> Progress:
    def tell(done: float, stage: str) -> None:
        if cancel is not None and cancel():
            raise PreparationCancelledError("The preparation was cancelled", fix="Start it again.")
        if progress is not None:
            progress(done, stage)

    return tell


def _scale(image: Image, longer: int) -> _Scale:
    """Keep the shape of the picture; both sides even, because video formats halve the colours."""
    height, width = image.shape[:2]
    factor = longer / max(height, width)
    even_width, even_height = (max(2, 2 * round(side * factor / 2)) for side in (width, height))
    return _Scale((even_width, even_height), even_width / width, even_height / height)


def _resized(image: Image, size: tuple[int, int]) -> Image:
    """Scale a picture; colours run on under transparent pixels, so that edges do not take up stray ones."""
    filled = _bleed(image)
    if size == (image.shape[1], image.shape[0]):
        return filled
    shrinks = size[0] < image.shape[1]
    method = cv2.INTER_AREA if shrinks else cv2.INTER_LANCZOS4
    return np.asarray(cv2.resize(filled, size, interpolation=method), np.uint8)


def _bleed(image: Image) -> Image:
    """Give fully transparent pixels the colour of the nearest other one."""
    clear = image[..., 3] == 0
    if not clear.any() or clear.all():
        return np.array(image)
    _, labels = cv2.distanceTransformWithLabels(
        clear.astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
    )
    colours = np.zeros((int(labels.max()) + 1, 3), np.uint8)
    colours[labels[~clear]] = image[..., :3][~clear]
    filled: Image = image.copy()
    filled[clear, :3] = colours[labels[clear]]
    return filled


def _inner_lips(points: Reals) -> Reals:
    """(2, 21, 2) inner contours of the upper and the lower lip."""
    rings = (mesh.LIP_INNER_UPPER, mesh.LIP_INNER_LOWER)
    return np.stack([resample(points[list(ring), :2], LIP_POINTS) for ring in rings])


def _warnings(points: Reals, size: int) -> tuple[str, ...]:
    unit = Head.of(points).unit
    if unit >= _SMALL_FACE:
        return ()
    return (
        f"The face is small in the video: its eyes are {unit:.0f} pixels apart. "
        f"Crop the picture until the face takes 30-50 % of it, or prepare it larger than {size}.",
    )
