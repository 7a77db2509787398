"""Where faces are: windows of a picture through BlazeFace, and the votes put together.

Follows MediaPipe's face_detection_short_range graph (SSD anchors, weighted non-maximum suppression). That
network sees 128x128 pixels and misses faces below about a tenth of them, so smaller windows are tried
where the whole picture shows none.

Coordinates are OpenCV's: the centre of the top left pixel is (0, 0).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from livekit_avatar.types import Floats

INPUT: Final = 128
"""Pixels a side of what the network sees."""

_CONFIDENT: Final = 0.5
_SAME_FACE: Final = 0.3
"""Least score of a vote, and least overlap (intersection over union) of votes for one face: MediaPipe's."""

Network = Callable[[Floats], tuple[Floats, Floats]]
"""(1, 128, 128, 3) float32 RGB in -1..1 -> (896, 16) boxes and key points in pixels relative to the anchors,
and (896,) scores before the logistic function."""


@dataclass(frozen=True, slots=True, eq=False)
class Detection:
    """One face as the detector sees it.

    Attributes:
        box: (4,) float32 left, top, right, bottom in pixels.
        points: (6, 2) float32 right eye, left eye, nose tip, mouth, right ear, left ear (the person's own
            sides) in pixels.
        score: 0.5..1.
    """

    box: Floats
    points: Floats
    score: float


def detect(rgb: npt.NDArray[np.uint8], network: Network) -> Iterator[list[Detection]]:
    """Faces in a picture, one search after the other; stop when one has found what you need.

    A face may come several times. First the whole picture is searched, also upside down so that nobody's
    chin is taken for a forehead unopposed, and windows of a half of its longer side. Then the picture with
    a margin around it, for a face that fills it; then windows of a quarter and an eighth, for small faces.

    Args:
        rgb: (H, W, 3) uint8 RGB.
        network: the detector.
    """
    height, width = rgb.shape[:2]
    side = max(width, height)
    whole = _centred(width, height, side)
    turned = (_turned(face, width, height) for face in _search(rgb[::-1, ::-1], [whole], network))
    halves = _search(rgb, _tiles(width, height, side / 2), network)
    yield [*_search(rgb, [whole], network), *turned, *halves]
    yield _search(rgb, [_centred(width, height, 2 * side)], network)
    yield _search(rgb, _tiles(width, height, side / 4), network)
    yield _search(rgb, _tiles(width, height, side / 8), network)


def merge(votes: Floats, scores: Floats) -> list[Detection]:
    """Weighted non-maximum suppression: votes that overlap the best one become one face, their mean.

    Args:
        votes: (n, 16) float32 box (left, top, right, bottom) and six points, in pixels.
        scores: (n,) float32 weight of each vote.
    """
    faces = []
    while len(votes):
        best = int(scores.argmax())
        same = _overlap(votes[:, :4], votes[best, :4]) > _SAME_FACE
        same[best] = True  # also if its box is empty
        mean = np.average(votes[same], axis=0, weights=scores[same]).astype(np.float32)
        faces.append(Detection(mean[:4], mean[4:].reshape(6, 2), float(scores[best])))
        votes, scores = votes[~same], scores[~same]
    return faces


def _overlap(boxes: Floats, box: Floats) -> Floats:
    """(n,) intersection over union of (n, 4) boxes with one."""
    sides = np.minimum(boxes[:, 2:], box[2:]) - np.maximum(boxes[:, :2], box[:2])
    common = np.prod(np.maximum(sides, 0), axis=1)
    areas = np.prod(boxes[:, 2:] - boxes[:, :2], axis=1)
    union = areas + np.prod(box[2:] - box[:2]) - common
    overlap: Floats = common / np.maximum(union, 1e-6)
    return overlap


Window = tuple[float, float, float]
"""Left, top and side of a square, in pixels; it may reach beyond the picture."""


def _search(rgb: npt.NDArray[np.uint8], windows: Sequence[Window], network: Network) -> list[Detection]:
    votes = [_votes(rgb, window, network) for window in windows]
    if not votes:
        return []
    return merge(np.concatenate([v for v, _ in votes]), np.concatenate([s for _, s in votes]))


def _turned(face: Detection, width: int, height: int) -> Detection:
    """The same face in the picture turned by 180 degrees."""
    corner = np.array([width - 1, height - 1], np.float32)
    box = np.concatenate([corner - face.box[2:], corner - face.box[:2]])
    return Detection(box, corner - face.points, face.score)


def _centred(width: int, height: int, side: float) -> Window:
    return (width - side) / 2, (height - side) / 2, side


def _tiles(width: int, height: int, side: float) -> list[Window]:
    """Squares that cover the picture and overlap by half, so that every face lies well inside one.

    None if they would only be enlarged, which shows nothing new.
    """
    if side < INPUT:
        return []
    return [(left, top, side) for top in _starts(height, side) for left in _starts(width, side)]


def _starts(length: int, side: float) -> list[float]:
    if length <= side:
        return [(length - side) / 2]
    steps = math.ceil((length - side) / (side / 2))
    return [(length - side) * step / steps for step in range(steps + 1)]


def _votes(rgb: npt.NDArray[np.uint8], window: Window, network: Network) -> tuple[Floats, Floats]:
    """Confident votes in one window, as `merge` takes them: (n, 16) in pixels of the picture, (n,) scores."""
    left, top, side = window
    pixels = _look(rgb, window).astype(np.float32)
    raw, logits = network(pixels[None] / 127.5 - 1)
    scores = 1 / (1 + np.exp(-np.clip(logits, -80, 80)))
    sure = scores >= _CONFIDENT
    pairs = raw[sure].reshape(-1, 8, 2) / INPUT  # centre, size, six points, as fractions of the window
    anchors = ANCHORS[sure][:, None]
    centre, size, points = pairs[:, :1] + anchors, pairs[:, 1:2], pairs[:, 2:] + anchors
    corners = np.concatenate([centre - size / 2, centre + size / 2, points], axis=1)
    placed = corners * side + np.array([left - 0.5, top - 0.5], np.float32)
    return placed.reshape(-1, 16).astype(np.float32), scores[sure].astype(np.float32)


def _look(rgb: npt.NDArray[np.uint8], window: Window) -> npt.NDArray[np.uint8]:
    """(128, 128, 3): a window, black where it reaches beyond the picture."""
    height, width = rgb.shape[:2]
    left, top, side = (round(value) for value in window)
    inside = rgb[max(top, 0) : top + side, max(left, 0) : left + side]
    right, bottom = max(left + side - width, 0), max(top + side - height, 0)
    black = cv2.BORDER_CONSTANT
    square = cv2.copyMakeBorder(inside, max(-top, 0), bottom, max(-left, 0), right, black, value=(0, 0, 0))
    shrink = cv2.INTER_AREA if side > INPUT else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(square, (INPUT, INPUT), interpolation=shrink), np.uint8)


def _anchors() -> Floats:
    """(896, 2) centres as fractions: 2 on each cell of a 16x16 grid, then 6 on each of an 8x8 grid."""
    grids = []
    for cells, each in ((16, 2), (8, 6)):
        middle = (np.arange(cells, dtype=np.float32) + 0.5) / cells
        y, x = np.meshgrid(middle, middle, indexing="ij")
        grids.append(np.repeat(np.stack([x, y], -1).reshape(-1, 2), each, axis=0))
    return np.concatenate(grids)


ANCHORS: Final = _anchors()
