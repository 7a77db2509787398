"""Light on a face that moves: lips that stand out when they are pursed, folds that come and go.

A relief says by what part each pixel grows brighter or darker when what casts it is fully there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
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

_SHOWS = 0.03
"""A relief cast less than this would change no pixel by more than a level or two."""

_Cast = Callable[[Head, tuple[slice, slice]], Reals]
"""Makes a relief, (height, width), over a block of pixels."""

_MARGIN = 0.10
"""Room around the landmarks that span a relief's pixels, units."""


@dataclass(frozen=True, slots=True, eq=False)
class _Relief:
    """What a few shapes do to the light of a part of the face.

    Attributes:
        block: index of its pixels in the picture.
        light: (height, width, 4) float32, 0 for the alpha.
        asked: (shapes,) how much of it each shape casts.
    """

    block: tuple[slice, slice]
    light: Floats
    asked: Floats


class Shading:
    """The reliefs of one face.

    Args:
        head: its frame.
        names: of the shapes that cast them, in the order in which `lay` gets their weights.
        size: (width, height) of its picture.
    """

    def __init__(self, head: Head, names: Sequence[str], size: tuple[int, int]) -> None:
        lips = (*mesh.LIP_OUTER_UPPER, *mesh.LIP_OUTER_LOWER)
        brows = (mesh.RIGHT_BROW[2], mesh.LEFT_BROW[2])
        right, left = ({shape + side: part for shape, part in _FOLD.items()} for side in ("Right", "Left"))
        sources: tuple[tuple[Mapping[str, float], _Cast, tuple[int, ...]], ...] = (
            (_PURSED, _lips_relief, lips),
            (right, partial(_fold_relief, fold=mesh.RIGHT_FOLD), mesh.RIGHT_FOLD),
            (left, partial(_fold_relief, fold=mesh.LEFT_FOLD), mesh.LEFT_FOLD),
            (_KNIT, _knit_relief, (mesh.RIGHT_BROW[9], mesh.LEFT_BROW[9], mesh.BETWEEN_BROWS)),
            (_RAISED, _raised_relief, (*brows, mesh.FOREHEAD)),
        )
        self._reliefs = [
            _relief(head, _block(head, around, size), cast, asked, names) for asked, cast, around in sources
        ]

    def lay(self, source: Image, picture: Image, shapes: Floats) -> Image:
        """Lay light on a source picture: in place, or on a copy if it is `picture`.

        Args:
            source: (H, W, 4) uint8, what is to be drawn.
            picture: the picture at rest, which must stay as it is.
            shapes: (shapes,) weights of the shapes.
        """
        for relief in self._reliefs:
            strength = min(float(shapes @ relief.asked), 1.0)
            if strength < _SHOWS:
                continue
            if source is picture:
                source = picture.copy()
            light = relief.light * np.float32(strength) + np.float32(1)
            source[relief.block] = cv2.multiply(source[relief.block].copy(), light, dtype=cv2.CV_8U)
        return source


def _relief(
    head: Head, block: tuple[slice, slice], cast: _Cast, asked: Mapping[str, float], names: Sequence[str]
) -> _Relief:
    change = cast(head, block)[..., None]
    light = np.dstack([change * np.where(change < 0, _WARM, 1.0), np.zeros_like(change)])
    return _Relief(
        block, np.asarray(light, np.float32), np.array([asked.get(name, 0) for name in names], np.float32)
    )


def _block(head: Head, landmarks: tuple[int, ...], size: tuple[int, int]) -> tuple[slice, slice]:
    """The pixels around some landmarks."""
    points, margin = head.points[list(landmarks), :2], _MARGIN * head.unit
    low = np.floor(np.clip(points.min(axis=0) - margin, 0, np.array(size) - 1)).astype(int)
    high = np.ceil(np.clip(points.max(axis=0) + margin, 1, size)).astype(int)
    return slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0]))


def _places(head: Head, block: tuple[slice, slice]) -> Reals:
    """(height, width, 2) the pixels of a block in the plane of the head."""
    rows, columns = block
    x, y = np.meshgrid(np.arange(columns.start, columns.stop), np.arange(rows.start, rows.stop))
    return head.plane(np.dstack([x, y]))


def _lips(head: Head, block: tuple[slice, slice]) -> Reals:
    """1 on the red of the lips, softly 0 around it."""
    rows, columns = block
    mask = np.zeros((rows.stop - rows.start, columns.stop - columns.start), np.float32)
    outline = head.points[list(mesh.LIP_OUTER_UPPER + mesh.LIP_OUTER_LOWER[::-1]), :2]
    corners = np.round((outline - (columns.start, rows.start)) * 16).astype(np.int32)
    cv2.fillPoly(mask, [corners], 1.0, cv2.LINE_AA, shift=4)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(0.012 * head.unit, 0.5)), np.float64)


def _lips_relief(head: Head, block: tuple[slice, slice]) -> Reals:
    """Pursed: the lower lip catches light in the middle, its sides turn away, and it shades the chin."""
    places, lips = _places(head, block), _lips(head, block)
    line, bottom = (head.plane(head.points[i[5]]) for i in (mesh.LIP_INNER_LOWER, mesh.LIP_OUTER_LOWER))
    ends = head.plane(head.points[[mesh.RIGHT_MOUTH, mesh.LEFT_MOUTH]])[:, 0]
    x, y = places[..., 0] - line[0], places[..., 1]
    side = abs(x) / np.where(x < 0, line[0] - ends[0], ends[1] - line[0])
    thick = max(bottom[1] - line[1], 0.04)
    light = 0.14 * lips * bump(side, 0.45) * bump(y - line[1] - 0.5 * thick, 0.35 * thick)
    turning = -0.22 * lips * ramp(0.35, 0.95, side)
    shadow = -0.10 * (1 - lips) * bump(side, 0.5) * bump(y - bottom[1] - 0.02, 0.045)
    return light + turning + shadow


def _fold_relief(head: Head, block: tuple[slice, slice], fold: tuple[int, ...]) -> Reals:
    """Smiling: a dark line from the nostril past the corner of the mouth, and a cheek that bulges by it."""
    line = resample(head.plane(head.points[list(fold)]), 40)
    away = _places(head, block)[..., None, :] - line
    distance = np.linalg.norm(away, axis=-1)
    nearest = distance.argmin(axis=-1)
    tangent = np.gradient(line, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    outwards = np.sign(line[-1, 0] - line[0, 0]) * np.column_stack([tangent[:, 1], -tangent[:, 0]])
    side = (np.take_along_axis(away, nearest[..., None, None], 2)[:, :, 0] * outwards[nearest]).sum(-1)
    along = nearest / (len(line) - 1)
    beyond = np.sqrt(np.maximum(distance.min(axis=-1) ** 2 - side**2, 0))
    strength = ramp(-0.05, 0.25, along) * (1 - 0.9 * ramp(0.55, 1.0, along)) * bump(beyond, 0.05)
    crease = -0.11 * bump(side, np.where(side < 0, 0.080, 0.045))
    return strength * (crease + 0.035 * bump(side - 0.13, 0.09))


def _knit_relief(head: Head, block: tuple[slice, slice]) -> Reals:
    """Frowning: two short upright furrows between the brows, light on the skin beside them."""
    places = _places(head, block)
    inner = head.plane(head.points[[mesh.RIGHT_BROW[9], mesh.LEFT_BROW[9]]])
    middle, half = inner.mean(axis=0), (inner[1, 0] - inner[0, 0]) / 2
    x, y = places[..., 0] - middle[0], places[..., 1] - middle[1]
    upright = bump(y + 0.05, 0.10)
    furrows = sum(bump(x - sign * (0.55 * half + 0.05 * y), 0.020) for sign in (-1, 1))
    ridges = bump(x, 0.03) + sum(bump(x - sign * 0.95 * half, 0.04) for sign in (-1, 1))
    return np.asarray(upright * (-0.20 * furrows + 0.05 * ridges))


def _raised_relief(head: Head, block: tuple[slice, slice]) -> Reals:
    """Raised brows: two furrows across the forehead, as far as there is one."""
    places = _places(head, block)
    brows = head.plane(head.points[[mesh.RIGHT_BROW[2], mesh.LEFT_BROW[2]]])
    top, middle = head.plane(head.points[mesh.FOREHEAD])[1], brows.mean(axis=0)
    x, y = places[..., 0] - middle[0], places[..., 1] - middle[1] - 0.10 * np.square(places[..., 0])
    room = middle[1] - top
    across = bump(x / (0.5 * np.ptp(brows[:, 0])), 0.95)
    furrows = [
        -0.08 * bump(y + at * room, 0.018) + 0.03 * bump(y + at * room + 0.05, 0.035) for at in (0.38, 0.66)
    ]
    return np.asarray(across * sum(furrows))
