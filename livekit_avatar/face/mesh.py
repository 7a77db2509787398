"""Find faces in a picture: 478 landmarks and 52 blendshapes each.

Runs the three networks of MediaPipe's Face Landmarker on ai-edge-litert:

    picture -> detector (128x128: where faces are, and their eyes)
            -> landmarks (256x256 crop turned to the eye line; then again, cropped by the first)
            -> blendshapes (146 of the landmarks)

Pre- and post-processing follow MediaPipe's face_detection_short_range and face_landmarker graphs
(https://github.com/google-ai-edge/mediapipe, Apache-2.0).

Coordinates are OpenCV's: the centre of the top left pixel is (0, 0).
"""

from __future__ import annotations

import threading
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
import numpy.typing as npt

from livekit_avatar.errors import ModelCorruptError, ModelError
from livekit_avatar.face.detector import Detection, detect
from livekit_avatar.models import find
from livekit_avatar.types import Floats, Image

# fmt: off
BLENDSHAPE_NAMES: Final = (
    "_neutral", "browDownLeft", "browDownRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight",
    "cheekPuff", "cheekSquintLeft", "cheekSquintRight", "eyeBlinkLeft", "eyeBlinkRight",
    "eyeLookDownLeft", "eyeLookDownRight", "eyeLookInLeft", "eyeLookInRight", "eyeLookOutLeft",
    "eyeLookOutRight", "eyeLookUpLeft", "eyeLookUpRight", "eyeSquintLeft", "eyeSquintRight",
    "eyeWideLeft", "eyeWideRight", "jawForward", "jawLeft", "jawOpen", "jawRight", "mouthClose",
    "mouthDimpleLeft", "mouthDimpleRight", "mouthFrownLeft", "mouthFrownRight", "mouthFunnel",
    "mouthLeft", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthPressLeft", "mouthPressRight",
    "mouthPucker", "mouthRight", "mouthRollLower", "mouthRollUpper", "mouthShrugLower",
    "mouthShrugUpper", "mouthSmileLeft", "mouthSmileRight", "mouthStretchLeft", "mouthStretchRight",
    "mouthUpperUpLeft", "mouthUpperUpRight", "noseSneerLeft", "noseSneerRight",
)
# fmt: on
"""ARKit names, in the order of `Landmarks.blendshapes`."""

_INPUT: Final = 256
"""Pixels a side of what the landmark network sees."""

_MARGIN: Final = 1.5
"""Side of the crop in sides of the face's box: MediaPipe's."""

_PRESENT: Final = 0.97
"""Least presence of a face, a probability. MediaPipe takes 0.5, and finds faces in noise with it."""

_OUTER_EYES: Final = (33, 263)
"""Landmarks of the outer corners: the person's right eye, then the left."""

# fmt: off
_BLENDSHAPE_POINTS: Final = (
    0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58, 61, 63, 65, 66, 67,
    70, 78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107, 109, 127, 132, 133, 136, 144, 145, 146,
    148, 149, 150, 152, 153, 154, 155, 157, 158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181,
    185, 191, 195, 197, 234, 246, 249, 251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293,
    295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318, 321, 323, 324, 332, 334, 336, 338, 356, 361,
    362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384, 385, 386, 387, 388, 389, 390, 397, 398,
    400, 402, 405, 409, 415, 454, 466, 468, 469, 470, 471, 472, 473, 474, 475, 476, 477,
)
# fmt: on
"""The 146 landmarks that the blendshape network takes (MediaPipe, face_blendshapes_graph.cc)."""


@dataclass(frozen=True, slots=True, eq=False)
class Landmarks:
    """One face.

    Attributes:
        points: (478, 3) float32 x, y, z in pixels; z grows away from the viewer, in the scale of x. 468 on
            the face in MediaPipe's order, then five on each iris.
        blendshapes: (52,) float32 in 0..1 in the order of `BLENDSHAPE_NAMES`.
        presence: probability that this is a face.
        box: left, top, width, height of the points in pixels; may reach beyond the picture.
    """

    points: Floats
    blendshapes: Floats
    presence: float
    box: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class _Crop:
    """A square to look at: its centre, side and turn (radians, clockwise for the viewer)."""

    x: float
    y: float
    side: float
    turn: float

    def matrix(self) -> Floats:
        """(2, 3) from pixels of the 256x256 crop to pixels of the picture."""
        scale = self.side / _INPUT
        cos, sin = np.cos(self.turn) * scale, np.sin(self.turn) * scale
        middle = (_INPUT - 1) / 2
        return np.array(
            [
                [cos, -sin, self.x - (cos - sin) * middle],
                [sin, cos, self.y - (sin + cos) * middle],
            ],
            np.float32,
        )


class FaceMesh:
    """MediaPipe's three face networks, loaded. Safe to share between threads; one picture at a time."""

    def __init__(self, path: Path | None = None) -> None:
        """Load the networks.

        Args:
            path: of `face_landmarker.task`; None: where `models.find("face-landmarker")` says.

        Raises:
            ModelNotFoundError: the model is not on this machine.
            ModelCorruptError: the file is not a Face Landmarker.
            ModelError: ai-edge-litert cannot be imported.
        """
        path = path or find("face-landmarker")
        self._detector, self._landmarks, self._blendshapes = _load(path)
        self._lock = threading.Lock()

    def find(self, image: Image) -> list[Landmarks]:
        """All faces in a picture, largest first; an empty list if there is none.

        Args:
            image: (H, W, 4) uint8 RGBA; what is transparent is seen as mid grey.
        """
        rgb = _on_grey(image)
        with self._lock:
            for found in detect(rgb, self._detect):
                looked = (self._face(rgb, _eye_crop(detection)) for detection in found)
                if faces := [face for face in looked if face is not None]:
                    return sorted(_distinct(faces), key=lambda face: -face.box[2] * face.box[3])
        return []

    def follow(self, image: Image, before: Landmarks) -> Landmarks | None:
        """The face of the picture before in the next one of a film, several times faster than `find`.

        Args:
            image: (H, W, 4) uint8 RGBA, opaque.
            before: what was found in the picture before, of the same size.

        Returns:
            None if it is not there any more.
        """
        with self._lock:
            points, presence = self._look(_on_grey(image), _mesh_crop(before.points))
            return self._judged(points, presence)

    def _detect(self, pixels: Floats) -> tuple[Floats, Floats]:
        boxes, scores = self._detector(pixels)
        return boxes[0], scores[0, :, 0]

    def _face(self, rgb: npt.NDArray[np.uint8], crop: _Crop) -> Landmarks | None:
        """The face in a crop. A second look, at a crop from the first landmarks, settles them."""
        points, presence = self._look(rgb, crop)
        if presence >= _PRESENT / 2:
            points, presence = self._look(rgb, _mesh_crop(points))
        return self._judged(points, presence)

    def _judged(self, points: Floats, presence: float) -> Landmarks | None:
        if presence < _PRESENT or not np.isfinite(points).all():
            return None
        blendshapes = self._blendshapes(points[None, _BLENDSHAPE_POINTS, :2])[0].reshape(-1)
        low, high = points[:, :2].min(axis=0), points[:, :2].max(axis=0)
        box = (float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))
        return Landmarks(points, blendshapes, presence, box)

    def _look(self, rgb: npt.NDArray[np.uint8], crop: _Crop) -> tuple[Floats, float]:
        """(478, 3) landmarks in pixels of the picture, and the presence of a face."""
        matrix = crop.matrix()
        outputs = self._landmarks((_sample(rgb, crop)[None] / 255).astype(np.float32))
        raw = outputs[0].reshape(478, 3)
        flat = (raw[:, :2] - 0.5) @ matrix[:, :2].T + matrix[:, 2]
        depth = raw[:, 2:] * (crop.side / _INPUT)
        logit = float(np.clip(outputs[1].reshape(-1)[0], -80, 80))
        points: Floats = np.concatenate([flat, depth], axis=1).astype(np.float32)
        return points, 1 / (1 + float(np.exp(-logit)))


Network = Callable[[Floats], list[Floats]]
"""A network with one input; its outputs in the file's order."""


def _load(path: Path) -> tuple[Network, Network, Network]:
    """Detector, landmarks, blendshapes."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = ("face_detector", "face_landmarks_detector", "face_blendshapes")
            detector, landmarks, blendshapes = (_network(archive.read(f"{name}.tflite")) for name in names)
    except (zipfile.BadZipFile, KeyError, ValueError, RuntimeError, OSError) as error:
        raise ModelCorruptError(
            f"The file {str(path)!r} is not MediaPipe's Face Landmarker",
            fix="Delete it, then: livekit-avatar models download face-landmarker.",
        ) from error
    return detector, landmarks, blendshapes


def _network(model: bytes) -> Network:
    try:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType
    except ImportError as error:
        raise ModelError(
            f"ai-edge-litert cannot be imported ({error})", fix="Install it: pip install ai-edge-litert."
        ) from error
    # Without XNNPACK: it writes to the process's stderr, and a picture takes 50 ms either way.
    plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
    make: Callable[..., Any] = Interpreter
    interpreter = make(model_content=model, num_threads=1, experimental_op_resolver_type=plain)
    interpreter.allocate_tensors()
    entrance = interpreter.get_input_details()[0]["index"]
    exits = [detail["index"] for detail in interpreter.get_output_details()]

    def run(values: Floats) -> list[Floats]:
        interpreter.set_tensor(entrance, np.ascontiguousarray(values, np.float32))
        interpreter.invoke()
        return [interpreter.get_tensor(index) for index in exits]

    return run


def _on_grey(image: Image) -> npt.NDArray[np.uint8]:
    """(H, W, 3) RGB of a picture laid on mid grey."""
    colour = image[..., :3]
    if image[..., 3].min() == 255:
        return np.ascontiguousarray(colour)
    alpha = image[..., 3:].astype(np.float32) / 255
    grey: npt.NDArray[np.uint8] = (colour * alpha + 128 * (1 - alpha)).round().astype(np.uint8)
    return grey


def _eye_crop(found: Detection) -> _Crop:
    """The crop of a detection: the box, enlarged and turned so that the eyes are level."""
    (x, y), size = (found.box[:2] + found.box[2:]) / 2, found.box[2:] - found.box[:2]
    across = found.points[1] - found.points[0]
    turn = float(np.arctan2(across[1], across[0]))
    return _Crop(float(x), float(y), max(float(size.max()), 1) * _MARGIN, turn)


def _mesh_crop(points: Floats) -> _Crop:
    """The crop of known landmarks: their box along the eye line, enlarged."""
    right, left = points[_OUTER_EYES, :2]
    turn = float(np.arctan2(left[1] - right[1], left[0] - right[0]))
    cos, sin = np.cos(turn), np.sin(turn)
    level = np.array([[cos, -sin], [sin, cos]], np.float32)  # row vectors: picture -> eye line
    turned = points[:, :2] @ level
    low, high = turned.min(axis=0), turned.max(axis=0)
    x, y = level @ ((low + high) / 2)
    return _Crop(float(x), float(y), max(float((high - low).max()), 1) * _MARGIN, turn)


def _sample(rgb: npt.NDArray[np.uint8], crop: _Crop) -> npt.NDArray[np.uint8]:
    """(256, 256, 3): the crop. Large ones are averaged down first, or they would alias."""
    matrix = crop.matrix().astype(np.float64)
    shrink = crop.side / _INPUT
    if shrink > 2:
        height, width = (max(round(n / shrink), 1) for n in rgb.shape[:2])
        scale = np.array([width / rgb.shape[1], height / rgb.shape[0]])
        rgb = np.asarray(cv2.resize(rgb, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        matrix = matrix * scale[:, None]
        matrix[:, 2] += (scale - 1) / 2  # pixel centres lie at whole numbers
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    size = (_INPUT, _INPUT)
    sampled = cv2.warpAffine(rgb, matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(sampled, np.uint8)


def _distinct(faces: list[Landmarks]) -> list[Landmarks]:
    """One of those that lie over one another, the likeliest: they are several detections of one face."""
    kept: list[Landmarks] = []
    for face in sorted(faces, key=lambda face: -face.presence):
        left, top, width, height = face.box
        x, y = left + width / 2, top + height / 2
        if not any(_inside(x, y, other.box) for other in kept):
            kept.append(face)
    return kept


def _inside(x: float, y: float, box: tuple[float, float, float, float]) -> bool:
    left, top, width, height = box
    return left <= x <= left + width and top <= y <= top + height
