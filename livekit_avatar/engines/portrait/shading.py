"""Light on a face that moves: lips that stand out when they are pursed, folds that come and go.

A relief says by what part each pixel grows brighter or darker when what casts it is fully there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from livekit_avatar.engines.portrait import topology as mesh
from livekit_avatar.engines.portrait.curves import Reals, bump, ramp, resample
from livekit_avatar.engines.portrait.head import Head
from livekit_avatar.types import Floats, Image

_WARM = np.array([0.85, 1.05, 1.08])
"""Shadows on skin are warm: red fades least."""

_FOLD: Final = {"mouthSmile": 1.0, "noseSneer": 0.7, "mouthStretch": 0.35}
"""Shapes of one side that deepen the fold between its nostril and its corner of the mouth."""

_PURSED: Final = {"mouthPucker": 1.0, "mouthFunnel": 0.8}
_KNIT: Final = {"browDownLeft": 0.5, "browDownRight": 0.5}
_RAISED: Final = {"browInnerUp": 0.6, "browOuterUpLeft": 0.2, "browOuterUpRight": 0.2}

_SHOWS = 0.004

_MARGIN = 0.12
"""Room around the landmarks that span a relief's pixels, units."""


@dataclass(frozen=True, slots=True, eq=False)
class _Part:
    """The reliefs of one part of the face.

    Attributes:
        block: index of its pixels in the picture.
        reliefs: (n, height * width * 4) float32; 0 for the alpha.
        asked: (shapes, n) how much of each shape casts which relief.
    """

    block: tuple[slice, slice]
    reliefs: Floats
    asked: Floats


class Shading:
    """The reliefs of one face.

    Args:
        head: its frame.
        names: of the shapes that cast them, in the order in which `lay` gets their weights.
        size: (width, height) of its picture.
    """

    def __init__(self, head: Head, names: Sequence[str], size: tuple[int, int]) -> None:
        mouth = _block(head, (*mesh.RIGHT_FOLD, *mesh.LEFT_FOLD, *mesh.LIP_OUTER_LOWER), size)
        brows = _block(head, (mesh.RIGHT_BROW[2], mesh.LEFT_BROW[2], mesh.FOREHEAD, mesh.BETWEEN_BROWS), size)
        right, left = ({shape + side: part for shape, part in _FOLD.items()} for side in ("Right", "Left"))
        at_mouth, at_brows = (head.plane(_pixels(block)) for block in (mouth, brows))
        self._parts = (
            _part(
                mouth,
                names,
                (_PURSED, _lips_relief(head, at_mouth, _lips(head, mouth))),
                (right, _fold_relief(head, at_mouth, mesh.RIGHT_FOLD)),
                (left, _fold_relief(head, at_mouth, mesh.LEFT_FOLD)),
            ),
            _part(
                brows, names, (_KNIT, _knit_relief(head, at_brows)), (_RAISED, _raised_relief(head, at_brows))
            ),
        )

    def lay(self, source: Image, picture: Image, shapes: Floats) -> Image:
        """Lay light on a source picture: in place, or on a copy if it is `picture`.

        Args:
            source: (H, W, 4) uint8, what is to be drawn.
            picture: the picture at rest, which must stay as it is.
            shapes: (shapes,) weights of the shapes.
        """
        for part in self._parts:
            strength = np.clip(shapes @ part.asked, 0, 1)
            if strength.max() < _SHOWS:
                continue
            if source is picture:
                source = picture.copy()
            pixels = source[part.block].copy()
            light = (strength @ part.reliefs).reshape(pixels.shape)
            source[part.block] = cv2.multiply(pixels, light + np.float32(1), dtype=cv2.CV_8U)
        return source


def _part(
    block: tuple[slice, slice], names: Sequence[str], *reliefs: tuple[Mapping[str, float], Reals]
) -> _Part:
    asked = [[by.get(name, 0.0) for by, _ in reliefs] for name in names]
    layers = []
    for _, relief in reliefs:
        tinted = relief[..., None] * np.where(relief[..., None] < 0, _WARM, 1.0)
        layers.append(np.dstack([tinted, np.zeros_like(relief)]).ravel())
    return _Part(block, np.asarray(layers, np.float32), np.asarray(asked, np.float32))


def _block(head: Head, landmarks: tuple[int, ...], size: tuple[int, int]) -> tuple[slice, slice]:
    """The pixels around some landmarks."""
    points, margin = head.points[list(landmarks), :2], _MARGIN * head.unit
    low = np.floor(np.clip(points.min(axis=0) - margin, 0, np.array(size) - 1)).astype(int)
    high = np.ceil(np.clip(points.max(axis=0) + margin, 1, size)).astype(int)
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def _pixels(block: tuple[slice, slice]) -> Reals:
    rows, columns = block
    return np.dstack(
        np.meshgrid(np.arange(columns.start, columns.stop), np.arange(rows.start, rows.stop))
    ).astype(np.float64)


def _lips(head: Head, block: tuple[slice, slice]) -> Reals:
    """1 on the red of the lips, softly 0 around it."""
    rows, columns = block
    mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.float32)
    outline = head.points[list(mesh.LIP_OUTER_UPPER + mesh.LIP_OUTER_LOWER[::-1]), :2]
    corners = np.round((outline - (columns.start, rows.start)) * 16).astype(np.int32)
    cv2.fillPoly(mask, [corners], 1.0, cv2.LINE_AA, shift=4)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.012 * head.unit, 0.5)), np.float64)


def _lips_relief(head: Head, places: Reals, lips: Reals) -> Reals:
    """Pursed: the lower lip catches light in the middle, its sides turn away, and it shades the chin."""
    line, bottom = (head.plane(head.points[i[5]]) for i in (mesh.LIP_INNER_LOWER, mesh.LIP_OUTER_LOWER))
    ends = head.plane(head.points[[mesh.RIGHT_MOUTH, mesh.LEFT_MOUTH]])[:, 0]
    x, y = places[..., 0] - line[0], places[..., 1]
    side = abs(x) / np.where(x < 0, line[0] - ends[0], ends[1] - line[0])
    thick = max(bottom[1] - line[1], 0.04)
    light = 0.14 * lips * bump(side, 0.45) * bump(y - line[1] - 0.5 * thick, 0.35 * thick)
    turning = -0.22 * lips * ramp(0.35, 0.95, side)
    shadow = -0.10 * (1 - lips) * bump(side, 0.5) * bump(y - bottom[1] - 0.02, 0.045)
    return light + turning + shadow


def _fold_relief(head: Head, places: Reals, fold: tuple[int, ...]) -> Reals:
    """Smiling: a dark line from the nostril past the corner of the mouth, and a cheek that bulges by it."""
    line = resample(head.plane(head.points[list(fold)]), 40)
    away = places[..., None, :] - line
    distance = np.linalg.norm(away, axis=-1)
    nearest = distance.argmin(axis=-1)
    tangent = np.gradient(line, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    outwards = np.sign(line[-1, 0] - line[0, 0]) * np.column_stack([tangent[:, 1], -tangent[:, 0]])
    side = (np.take_along_axis(away, nearest[..., None, None], 2)[:, :, 0] * outwards[nearest]).sum(-1)
    along = nearest / (len(line) - 1)
    beyond = np.sqrt(np.maximum(distance.min(axis=-1) ** 2 - side**2, 0))
    strength = ramp(-0.05, 0.25, along) * (1 - 0.9 * ramp(0.55, 1.0, along)) * bump(beyond, 0.05)
    crease = -0.13 * bump(side, np.where(side < 0, 0.075, 0.035))
    return strength * (crease + 0.035 * bump(side - 0.13, 0.09))


def _knit_relief(head: Head, places: Reals) -> Reals:
    """Frowning: two short upright furrows between the brows, light on the skin beside them."""
    inner = head.plane(head.points[[mesh.RIGHT_BROW[9], mesh.LEFT_BROW[9]]])
    middle, half = inner.mean(axis=0), (inner[1, 0] - inner[0, 0]) / 2
    x, y = places[..., 0] - middle[0], places[..., 1] - middle[1]
    upright = bump(y + 0.05, 0.10)
    furrows = sum(bump(x - sign * (0.55 * half + 0.05 * y), 0.020) for sign in (-1, 1))
    ridges = bump(x, 0.03) + sum(bump(x - sign * 0.95 * half, 0.04) for sign in (-1, 1))
    return np.asarray(upright * (-0.20 * furrows + 0.05 * ridges))


def _raised_relief(head: Head, places: Reals) -> Reals:
    """Raised brows: two furrows across the forehead, as far as there is one."""
    brows = head.plane(head.points[[mesh.RIGHT_BROW[2], mesh.LEFT_BROW[2]]])
    top, middle = head.plane(head.points[mesh.FOREHEAD])[1], brows.mean(axis=0)
    x, y = places[..., 0] - middle[0], places[..., 1] - middle[1] - 0.10 * np.square(places[..., 0])
    room = middle[1] - top
    across = bump(x / (0.5 * np.ptp(brows[:, 0])), 0.95)
    furrows = [
        -0.08 * bump(y + at * room, 0.018) + 0.03 * bump(y + at * room + 0.05, 0.035) for at in (0.38, 0.66)
    ]
    return np.asarray(across * sum(furrows))
